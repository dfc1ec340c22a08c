/*
 * bulk_row.h
 *	  The table workflow.bulk: operations on many processes or runs.
 */
#ifndef WF_BULK_ROW_H
#define WF_BULK_ROW_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What is done to each item; the order of the table in bulk_act.c. */
typedef enum WfBulkAct
{
	WF_BULK_CANCEL,
	WF_BULK_SUSPEND,
	WF_BULK_RESUME,
	WF_BULK_SEND,
	WF_BULK_MIGRATE,
	WF_BULK_CANCEL_RUN,
	WF_BULK_REDRIVE,
	WF_BULK_ALTER
} WfBulkAct;

/* How it stands. */
typedef enum WfBulkState
{
	WF_BULK_WAITING,			/* it has not begun */
	WF_BULK_RUNNING,
	WF_BULK_PAUSED,				/* by hand */
	WF_BULK_STOPPED,			/* it cannot go on: the reason says why */
	WF_BULK_CANCELLED,
	WF_BULK_FINISHED
} WfBulkState;

/* What it is at. */
typedef enum WfBulkPhase
{
	WF_BULK_COUNTS,				/* how many items there are */
	WF_BULK_DOES,				/* each of them */
	WF_BULK_RETURNS				/* to those that others had locked */
} WfBulkPhase;

/* What came of an item. */
typedef enum WfBulkResult
{
	WF_BULK_DONE,
	WF_BULK_SKIPPED,			/* there was nothing to be done any more */
	WF_BULK_REFUSED,			/* by us: a state, a right, an argument that does not fit */
	WF_BULK_FAILED,				/* an error of user code, or of the server */
	WF_BULK_LOCKED				/* somebody else is at it: it is tried again */
} WfBulkResult;

#define WF_BULK_RESULTS	5

typedef struct WfBulk
{
	/* What it was made with. */
	pg_uuid_t	id;
	int32		owner;			/* workflow.owner.id of the role with whose rights it is done */
	WfBulkAct	act;
	Jsonb	   *filter;
	Jsonb	   *changes;		/* or NULL */
	ArrayType  *scope;			/* names of definitions or jobs; NULL: all, of an administrator */
	bool		keep_all;		/* also what came of items that were done */
	const char *role;			/* its name, then, */
	const char *login;			/* and who had logged in */
	const char *actor;			/* or NULL */
	const char *note;			/* or NULL */
	TimestampTz made_at;
	const char *tenant;			/* for whom it works; NULL: for nobody in particular */

	/* How it stands. */
	WfBulkState state;
	const char *reason;			/* why it is paused, stopped or cancelled; or NULL */
	TimestampTz due;			/* the next slice; infinity: none */
	WfBulkPhase phase;
	int			source;			/* which of the tables of its items it is at */
	pg_uuid_t	position;		/* items up to this one are done in this phase */
	int64		total;			/* -1: not known */
	int64		counts[WF_BULK_RESULTS];
	TimestampTz begun_at;
	TimestampTz last_at;		/* its last slice */
	TimestampTz paced_at;		/* since then it goes on without a break, */
	int64		paced_from;		/* and had done so many by then */
	int			losses;			/* in a row: the server ended */
	int			alone;			/* so many items are done one by one, for one may be to blame */
	int			attempts;		/* passes, or errors, in a row that came to nothing */
	TimestampTz ended_at;
} WfBulk;

extern const char *wf_bulk_row_state_name(WfBulkState state);
extern int64 wf_bulk_row_processed(const WfBulk *bulk);
extern bool wf_bulk_row_is_over(const WfBulk *bulk);
extern bool wf_bulk_row_find(const pg_uuid_t *id, WfBulk *bulk);
extern bool wf_bulk_row_lock(const pg_uuid_t *id, WfBulk *bulk);
extern bool wf_bulk_row_lock_if_free(const pg_uuid_t *id, WfBulk *bulk);
extern bool wf_bulk_row_claim(int32 owner, TimestampTz until, WfBulk *bulk);
extern TimestampTz wf_bulk_row_next_due(int32 owner);
extern void wf_bulk_row_insert(const WfBulk *bulk);
extern void wf_bulk_row_update(const WfBulk *bulk);
extern void wf_bulk_row_suspect(int32 owner, TimestampTz until, int alone);

#endif							/* WF_BULK_ROW_H */
