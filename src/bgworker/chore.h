/*
 * chore.h
 *	  The parts of housekeeping, and when each of them is wanted.
 */
#ifndef WF_CHORE_H
#define WF_CHORE_H

#include "datatype/timestamp.h"

#include "shmem/database.h"

#define WF_CHORES	20

/* Which sweeps want it. */
typedef enum WfChoreSweep
{
	WF_CHORE_NO_SWEEP,
	WF_CHORE_SWEEP_WITH_OVERDUE,	/* one that has found timers overdue for long */
	WF_CHORE_SWEEP_OF_MINUTE,	/* one a minute */
	WF_CHORE_EACH_SWEEP
} WfChoreSweep;

typedef struct WfChore
{
	const char *what;			/* for the log */

	/* a piece of it; *more: there is more to be done; false: the extension is gone */
	bool		(*run) (Oid extension, bool *more);

	/* when it is wanted, by wf_clock_now(); NULL: time does not tell */
	TimestampTz (*due) (WfDatabase *database);
	int			pause;			/* (ms): so long after its last end at the earliest */

	WfChoreSweep at_sweep;
	bool		at_start;		/* of the runtime */
	bool		at_loss;		/* an executor has ended amid a run */
	bool		at_request;		/* somebody asks to look anew */
} WfChore;

extern const WfChore *const wf_chores;	/* WF_CHORES of them */

#endif							/* WF_CHORE_H */
