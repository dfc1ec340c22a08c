/*
 * recovery.h
 *	  What runtimes had in flight that have gone.
 */
#ifndef WF_RECOVERY_H
#define WF_RECOVERY_H

#include "utils/uuid.h"

#include "store/runtime_row.h"

/* Called for each run that was decided about. */
typedef void (*WfRecoverySink) (void *arg, const char *runtime, const pg_uuid_t *run,
								const char *decision);

/* Who recovers, and who hears of it. */
typedef struct WfRecovery
{
	const char *by;				/* a runtime, and its epoch */
	int64		epoch;
	int			most;			/* runs in all; 0: any number */
	int			done;			/* so many were decided about */
	bool		locked;			/* some could not be, nor some runtimes: others have them locked */
	WfRecoverySink sink;		/* or NULL */
	void	   *arg;
} WfRecovery;

extern void wf_recovery_self(WfRecovery *recovery, const WfRuntimeRow *runtime);
extern int	wf_recovery_terminate_silent(void);
extern void wf_recovery_of(WfRecovery *recovery, const char *runtime);
extern bool wf_recovery_turn(WfRecovery *recovery);

#endif							/* WF_RECOVERY_H */
