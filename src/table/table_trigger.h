/*
 * table_trigger.h
 *	  A session's cache of table triggers.
 */
#ifndef WF_TABLE_TRIGGER_H
#define WF_TABLE_TRIGGER_H

#include "eval/evaluator.h"
#include "table/table_expr.h"

/* The longest name, in bytes: triggers of the server have it within theirs. */
#define WF_MAX_TABLE_TRIGGER_NAME	46

/* A table trigger, as it is stored. */
typedef struct WfTableTrigger
{
	const char *name;
	Oid			relation;		/* InvalidOid: adopt() has not found it */
	WfAuthor	author;			/* its owner, as whom all is done */
	const char *job;			/* or NULL: */
	const char *definition;
	const char *event;			/* or NULL: processes are started */
	WfTableExpr *key;			/* or NULL */
	WfTableExpr *when;			/* or NULL */
	LocalTransactionId used;	/* in which somebody reads this */
	MemoryContext context;
} WfTableTrigger;

extern WfTableTrigger *wf_table_trigger_find(const char *name);
extern bool wf_table_trigger_use(WfTableTrigger *trigger);
extern void wf_table_trigger_leave(WfTableTrigger *trigger);
extern void wf_table_trigger_changing(void);
extern bool wf_table_trigger_is_allowed(const WfTableTrigger *trigger);

#endif							/* WF_TABLE_TRIGGER_H */
