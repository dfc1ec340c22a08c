/*
 * receipt.h
 *	  The table workflow.receipt: verdicts on commands that came with an id.
 */
#ifndef WF_RECEIPT_H
#define WF_RECEIPT_H

#include "utils/uuid.h"

/* What became of a command, and how its process was after it. */
typedef struct WfReceipt
{
	bool		taken;
	Oid			status;			/* a value of workflow.status */
	Datum		states;			/* text[] */
	Datum		context;		/* jsonb */
	bool		deferred;
} WfReceipt;

extern bool wf_receipt_find(const pg_uuid_t *process, const char *id, WfReceipt *receipt);
extern void wf_receipt_keep(const pg_uuid_t *process, const char *id, const WfReceipt *receipt);

#endif							/* WF_RECEIPT_H */
