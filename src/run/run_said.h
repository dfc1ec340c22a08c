/*
 * run_said.h
 *	  What the code of a run has said of it, on its way to the server whose run it is.
 */
#ifndef WF_RUN_SAID_H
#define WF_RUN_SAID_H

#include "utils/jsonb.h"

#include "run/run_park.h"
#include "store/run_log.h"

/* What was said while an attempt was made. */
typedef struct WfRunSaid
{
	Jsonb	   *progress;		/* or NULL */
	int			nlines;			/* of its log */
	WfRunLogLine *lines;
	const WfRunPark *park;		/* or NULL: it is not to wait */
} WfRunSaid;

extern Jsonb *wf_run_said_write(const WfRunSaid *said);
extern void wf_run_said_read(Jsonb *value, WfRunSaid *said);

#endif							/* WF_RUN_SAID_H */
