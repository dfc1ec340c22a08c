/*
 * run_inside.h
 *	  The run that this executor is at: what its code says of it.
 */
#ifndef WF_RUN_INSIDE_H
#define WF_RUN_INSIDE_H

#include "utils/jsonb.h"

#include "job/job.h"
#include "run/run_park.h"
#include "store/run_log.h"

/* So many lines of a log are kept of one attempt, and one that counts the others. */
#define WF_RUN_INSIDE_LINES		1001

extern void wf_run_inside_begin(const WfRunRow *row, int64 fence);
extern void wf_run_inside_begin_placed(const pg_uuid_t *run, Jsonb *given);
extern bool wf_run_inside_is_placed(void);
extern void wf_run_inside_end(void);
extern void wf_run_inside_forget(void);
extern const pg_uuid_t *wf_run_inside(void);
extern const pg_uuid_t *wf_run_inside_require(void);
extern void wf_run_inside_progress(int64 done, const int64 *total, const char *note, Jsonb *progress);
extern void wf_run_inside_park(const WfRunPark *park);
extern const WfRunPark *wf_run_inside_parked(void);
extern void wf_run_inside_log(const WfRunLogLine *line);
extern void wf_run_inside_saves(void);
extern bool wf_run_inside_saved(void);
extern Jsonb *wf_run_inside_given(const char *name);
extern Jsonb *wf_run_inside_said(bool returned);
extern void wf_run_inside_keep(WfRunRow *row);
extern Jsonb *wf_run_inside_describe(const WfJob *job, const WfRunRow *row);

#endif							/* WF_RUN_INSIDE_H */
