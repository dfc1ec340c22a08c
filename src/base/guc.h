/*
 * guc.h
 *	  All settings of the extension: the variable of workflow.NAME is wf_NAME.
 */
#ifndef WF_GUC_H
#define WF_GUC_H

#define WF_MAX_EXECUTORS_MAX	256
#define WF_MAX_DATABASES_MAX	4096
#define WF_MAX_OWNERS_MAX		65536
#define WF_MAX_RUNTIMES_MAX		10000
#define WF_MAX_COSTS_MAX		10000
#define WF_MAX_REMOTE_EXECUTORS	256
#define WF_BATCH_SIZE_MAX		10000
#define WF_TENANT_MAX			255 /* bytes of its name */

/* Bytes of the id of a runtime. */
#define WF_RUNTIME_ID_MAX		200

/* What is done about an event that no version of a definition knows. */
typedef enum WfUnknownEvents
{
	WF_UNKNOWN_EVENTS_WARNING,
	WF_UNKNOWN_EVENTS_ERROR
} WfUnknownEvents;

/* Fixed at server start; they size shared memory. */
extern int	wf_max_executors;	/* 0: no background workers run; clients call
								 * workflow.work() */
extern int	wf_max_job_executors;	/* of their own, for runs of jobs */
extern int	wf_max_databases;
extern int	wf_max_owners;
extern int	wf_max_partitions;
extern int	wf_max_runtimes;	/* that live, without local ones */
extern int	wf_max_costs;		/* functions and expressions whose costs are kept */
extern char *wf_runtime_id;		/* of this instance; empty: made of host, port, directory */
extern int	wf_max_remote_executors;	/* of placed runs of another server */

/* In postgresql.conf; a reload changes them. */
extern bool wf_enabled;
extern int	wf_batch_size;		/* most timers in one transaction */
extern int	wf_batch_time;		/* ms of user code in one transaction */
extern int	wf_executor_idle_timeout;	/* s */
extern int	wf_runtime_idle_timeout;	/* s */
extern int	wf_sweep_interval;	/* s */
extern int	wf_retention;		/* min, 0: for ever */
extern int	wf_load_retention;	/* min, 0: for ever */
extern int	wf_step_timeout;	/* ms, 0: none */
extern int	wf_max_microsteps;
extern int	wf_max_deferred;
extern int	wf_max_invoke_depth;
extern int	wf_max_context_size;	/* kB */
extern int	wf_max_attempts;
extern int	wf_retry_delay;		/* ms */
extern int	wf_retry_max_delay; /* ms */
extern int	wf_shortage_limit;	/* s */
extern bool wf_log_attempts;
extern int	wf_careful_backlog;
extern bool wf_allow_superuser;
extern bool wf_require_sync;
extern int	wf_shutdown_timeout;	/* ms, 0: none */
extern char *wf_remote;			/* conninfo of the server whose runtime this one is; empty: none */
extern char *wf_remote_database;	/* where runs of its are done; empty: none are */

/* Set by anybody. */
extern int	wf_unknown_events;	/* WfUnknownEvents */
extern char *wf_file_directory;
extern char *wf_trigger_directories;
extern bool wf_file_keep_changes;
extern char *wf_tenant;			/* never NULL; empty: none, see store/tenant.c */
extern char *wf_traceparent;	/* never NULL; empty: none, see base/span.c */

/* Set by a superuser, in a session too. */
extern char *wf_test_clock;
extern bool wf_track_costs;
extern int	wf_test_steady_clock;	/* ms; -1: the real one */

extern void wf_guc_init(void);
extern const char *wf_guc_traceparent(void);

#endif							/* WF_GUC_H */
