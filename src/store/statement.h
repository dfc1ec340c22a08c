/*
 * statement.h
 *	  Executes our own SQL: its plans, its rights, and what it sees.
 */
#ifndef WF_STATEMENT_H
#define WF_STATEMENT_H

#include "executor/spi.h"

extern void wf_statement_push_snapshot(void);
extern void wf_statement_connect(void);
extern void wf_statement_init(void);

/*
 * A statement of ours.  It is prepared at its first execution in a session, and
 * kept as a generic plan.  Names in its text are qualified.
 *
 * latest: a statement that must find the rows that are there now, also in a
 * caller's REPEATABLE READ transaction; a row that the snapshot does not show is
 * a serialization failure then.  (Rows that only change together with the
 * process row need no such thing: locking that row fails.)
 */
typedef struct WfStatement
{
	const char *sql;
	int			nargs;
	Oid			args[24];
	SPIPlanPtr	plan;
	bool		latest;			/* see above */
} WfStatement;

/*
 * The types of the parameters $1, $2, ... in the initializer of a WfStatement,
 * which counts them.  A statement without parameters leaves it out.
 */
#define WF_ARGS(...) \
	.nargs = sizeof((Oid[]) {__VA_ARGS__}) / sizeof(Oid), \
	.args = {__VA_ARGS__}

extern uint64 wf_statement_execute(WfStatement *statement, Datum *values,
								   const char *nulls, long limit);

/* The rights of the caller, see wf_statement_raise_rights(). */
typedef struct WfRights
{
	Oid			user;
	int			sec_context;
	int			guc_level;		/* 0: path and plans were pinned already */
} WfRights;

extern uint64 wf_statement_call(WfStatement *statement, Datum *values, const char *nulls);
extern Oid	wf_statement_owner(void);
extern bool wf_statement_look_only(bool look);
extern void wf_statement_raise_rights(WfRights *saved);
extern void wf_statement_restore_rights(const WfRights *saved);
extern uint64 wf_statement_execute_raised(WfStatement *statement, Datum *values,
										  const char *nulls, long limit);

#endif							/* WF_STATEMENT_H */
