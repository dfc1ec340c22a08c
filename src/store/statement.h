/*
 * statement.h
 *	  Transactions of background workers, and our own SQL in any session.
 *
 * Only this room starts and ends transactions and knows how our statements
 * get their rights.
 */
#ifndef WF_SESSION_H
#define WF_SESSION_H

#include "executor/spi.h"

/* ---- transactions: background workers only ---------------------------- */

/*
 * Begin a transaction: statement timestamp, SPI, a snapshot, activity
 * reporting (`activity` must be a constant), and lock on the extension
 * object.  Returns false, with no transaction left open, when the extension
 * is gone or is not the one with this OID (InvalidOid: any).
 * SPI is connected on true.
 */
extern bool wf_begin(const char *activity, Oid extension);
extern void wf_commit(void);

/*
 * After a caught error: abort whatever is open, flush the error state, switch
 * back to `context`.  The caller has copied the error.
 */
extern void wf_abort(MemoryContext context);

/* OID of the extension in this database, or InvalidOid.  Needs a transaction. */
extern Oid	wf_extension_oid(void);

/* ---- our own statements ------------------------------------------------ */

/* _PG_init's part: chains the planner hook. */
extern void wf_session_init(void);

/*
 * A statement of ours: prepared and kept at its first execution in a session,
 * as a generic plan.  Names in its text are qualified.
 *
 * latest: an UPDATE or DELETE that must find the rows that are there now, also
 * in a caller's REPEATABLE READ transaction: one that its snapshot does not
 * show is a serialization failure then.  (Rows that change together with the
 * process row need no such thing: locking that one fails.)
 */
typedef struct WfStatement
{
	const char *sql;
	int			nargs;
	Oid			args[20];
	SPIPlanPtr	plan;
	bool		latest;			/* see above */
} WfStatement;

/*
 * Execute with the rights of the extension's owner and a pinned search_path
 * for just this statement; SPI must be connected.  values, nulls and limit as
 * for SPI_execute_plan.  Rows are in SPI_tuptable, their number is returned.
 * Errors need no undo: an abort restores rights and path.
 */
extern uint64 wf_execute(WfStatement *statement, Datum *values,
						 const char *nulls, long limit);

/*
 * The same for a stretch of several statements: raise, wf_run() each,
 * restore.  Nothing in between may call user code.
 */
typedef struct WfRights
{
	Oid			user;
	int			sec_context;
	int			guc_level;		/* 0: the path was pinned already */
} WfRights;

/*
 * Do statements of ours only look from now on?  Then they see what the
 * caller's statement sees, as those of a STABLE function must, and besides all
 * that this transaction has done.  Said by each function when it connects
 * SPI, and taken back when it ends, also by an error: one may be inside of
 * another.  Returns what held before.
 */
extern bool wf_look_only(bool look);

extern void wf_rights_raise(WfRights *saved);
extern void wf_rights_restore(const WfRights *saved);
extern uint64 wf_run(WfStatement *statement, Datum *values,
					 const char *nulls, long limit);

/*
 * wf_run() of one that does more than look, has no null among its values, and
 * gives its rows to a receiver as they come.
 */
extern void wf_run_into(WfStatement *statement, const Datum *values,
						DestReceiver *receiver);

#endif							/* WF_SESSION_H */
