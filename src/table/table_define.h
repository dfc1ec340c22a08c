/*
 * table_define.h
 *	  The table workflow.table_trigger: table triggers are made and dropped.
 */
#ifndef WF_TABLE_DEFINE_H
#define WF_TABLE_DEFINE_H

#include "nodes/pg_list.h"

/* What create_table_trigger() is given; NULL: not given. */
typedef struct WfTableText
{
	const char *name;
	Oid			relation;
	List	   *events;			/* of strings: insert, update, delete; each once */
	const char *job;
	const char *definition;
	const char *event;
	const char *key;
	const char *when;
} WfTableText;

extern void wf_table_define(const WfTableText *text);
extern void wf_table_define_drop(const char *name);
extern void wf_table_define_resolve(bool foreign);

#endif							/* WF_TABLE_DEFINE_H */
