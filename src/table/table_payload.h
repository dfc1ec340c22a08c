/*
 * table_payload.h
 *	  What a row of a user's table becomes: parameters, input or data.
 */
#ifndef WF_TABLE_PAYLOAD_H
#define WF_TABLE_PAYLOAD_H

#include "commands/trigger.h"

#include "parameter/parameters.h"
#include "table/table_row.h"

/* The members of the object that is made of each row of a statement. */
typedef struct WfTablePayload
{
	int			n;
	const char **names;
	const char **columns;		/* where it comes from, if not from the whole row */
	Jsonb	  **values;
	Jsonb	   *null;
	Jsonb	   *op;
	Jsonb	   *table;
	Jsonb	   *by;
} WfTablePayload;

extern void wf_table_payload_begin(WfTablePayload *payload, const TriggerData *data, const WfTableRow *row,
								   const WfParameters *parameters, const char *by);
extern Jsonb *wf_table_payload_of(WfTablePayload *payload, WfTableRow *row);

#endif							/* WF_TABLE_PAYLOAD_H */
