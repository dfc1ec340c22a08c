/*
 * observer.h
 *	  Hooks for code that observes the steps of a stepper.
 */
#ifndef WF_OBSERVER_H
#define WF_OBSERVER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "store/change_sets.h"

/*
 * An observer of steps, which is told what they do and receives what they
 * would write, so that nothing is written.  A stepper whose steps count has
 * none and pays one comparison with NULL.  The only one is that of
 * simulate/trace.c.
 *
 * There are three types of observer, one a layer, because no layer knows those
 * above it.  WfMachineObserver (interpreter/machine.h) is told by the
 * interpreter which transition is taken and which states are entered and left;
 * it hangs on a WfHost.  WfChangesObserver (store/change_sets.h) receives from
 * changes.c the timers that would be written.  WfObserver holds both, the
 * first one in its host, and adds what only the files of process/ know.
 */
typedef struct WfObserver
{
	const WfHost *host;			/* used instead of wf_process_host */
	WfChangesObserver changes;	/* receives what would be written of timers */

	/*
	 * An event was sent, to be delivered at `due` (DT_NOBEGIN: now).  target is
	 * NULL for the process itself, id is NULL if it has none.
	 */
	void		(*sent) (struct WfObserver *self, const char *target,
						 const char *event, Jsonb *data, const char *id,
						 TimestampTz due);

	/* Is the child with this invoke id simulated, so that it has no row? */
	bool		(*simulates_child) (struct WfObserver *self, const char *invoke);

	/* The events sent with this id were cancelled. */
	void		(*cancelled) (struct WfObserver *self, const char *id);

	/* The action "log" was run; nothing else reports its value. */
	void		(*logged) (struct WfObserver *self, const WfAction *action, Jsonb *value);

	/* A step has ended, and left the process as it is now. */
	void		(*stepped) (struct WfObserver *self, const char *event,
							TimestampTz due, bool taken, Datum from_states);
} WfObserver;

#endif							/* WF_OBSERVER_H */
