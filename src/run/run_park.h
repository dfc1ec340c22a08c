/*
 * run_park.h
 *	  Runs that are given back until something happens.
 */
#ifndef WF_RUN_PARK_H
#define WF_RUN_PARK_H

#include "datatype/timestamp.h"

#include "store/run_row.h"

/* What a run waits for; whichever is first. */
typedef struct WfRunPark
{
	TimestampTz until;			/* infinity: no time */
	const char *event;			/* or NULL */
	int			nruns;			/* that all of these have ended; 0: for none */
	const pg_uuid_t *runs;
} WfRunPark;

extern void wf_run_park(WfRunRow *row, const WfRunPark *park, bool taken);

#endif							/* WF_RUN_PARK_H */
