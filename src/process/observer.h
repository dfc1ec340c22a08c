/*
 * observer.h
 *	  Who looks on while a stepper works.
 */
#ifndef WF_OBSERVER_H
#define WF_OBSERVER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "store/change_sets.h"

/*
 * Who looks on while a stepper works, and keeps what it would write from being
 * written: trace.c.  NULL for every step in earnest.
 */
typedef struct WfObserver
{
	const WfHost *host;			/* instead of wf_process_host */
	WfChangesObserver sink;			/* instead of the tables */
	/* Sent, to be delivered at `due` (DT_NOBEGIN: now); target NULL: to itself. */
	void		(*sent) (struct WfObserver *self, const char *target,
						 const char *event, Jsonb *data, const char *id,
						 TimestampTz due);
	/* Is this a child that is not there but played? */
	bool		(*plays) (struct WfObserver *self, const char *invoke);
	void		(*cancelled) (struct WfObserver *self, const char *id);
	/* The action "log", told to nobody else. */
	void		(*logged) (struct WfObserver *self, const WfAction *action, Jsonb *value);
	/* A step has ended; the process is as the step left it. */
	void		(*stepped) (struct WfObserver *self, const char *event,
							TimestampTz due, bool taken, Datum from_states);
} WfObserver;

#endif							/* WF_OBSERVER_H */
