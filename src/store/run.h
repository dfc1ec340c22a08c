/*
 * run.h
 *	  The tables workflow.run, run_history and run_key: what is written to them.
 */
#ifndef WF_RUN_H
#define WF_RUN_H

#include "utils/jsonb.h"

#include "store/run_row.h"

/* What became of a run. */
typedef struct WfRunEnd
{
	WfRunRow   *row;			/* as it was claimed or locked */
	WfRunState	state;
	Jsonb	   *result;			/* or NULL */
	Jsonb	   *error;			/* or NULL */
	bool		untold;			/* the process that has invoked it need not hear of it */
	int64		took;			/* us; 0: from when it began until now */
} WfRunEnd;

/* What is remembered of a run that has ended. */
typedef struct WfRunPast
{
	WfRunState	state;
	int32		job;			/* the version that it was of */
	Oid			starter;		/* the role that has made it */
	Datum		tenant;			/* whose it was, a text or 0 */
} WfRunPast;

typedef struct WfRunWriter WfRunWriter;
typedef struct WfHeapLocker WfRunLocker;

extern int64 wf_run_part(const char *partition);
extern void wf_run_set_partition(WfRunRow *row, const char *partition);
extern void wf_run_insert(int n, WfRunRow *rows);
extern WfRunWriter *wf_run_writer(void);
extern bool wf_run_take(WfRunWriter *writer, const WfRunRow *row);
extern void wf_run_writer_end(WfRunWriter *writer);
extern void wf_run_put_back(int n, WfRunRow **rows);
extern void wf_run_ended(int n, const WfRunEnd *ends);
extern bool wf_run_find(const pg_uuid_t *id, WfRunRow *row);
extern bool wf_run_lock(const pg_uuid_t *id, bool wait, WfRunRow *row);
extern bool wf_run_take_ended(const pg_uuid_t *id, WfRunRow *row);
extern bool wf_run_find_ended(const pg_uuid_t *id, WfRunPast *past);
extern WfRunLocker *wf_run_locker(void);
extern bool wf_run_locker_lock(WfRunLocker *locker, const WfRunRow *found, bool wait, WfRunRow *row);
extern bool wf_run_locker_find(WfRunLocker *locker, const pg_uuid_t *id, WfRunRow *row);
extern void wf_run_locker_end(WfRunLocker *locker);
extern void wf_run_update(WfRunRow *row);
extern void wf_run_update_many(int n, WfRunRow *const *rows);
extern void wf_run_resolve(bool foreign);
extern void wf_run_extend_leases(TimestampTz now);
extern void wf_run_delete(WfRunRow *row);
extern void wf_run_delete_many(int n, const WfRunEnd *ends);
extern void wf_run_enter_order(int32 queue);

#endif							/* WF_RUN_H */
