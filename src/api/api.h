/*
 * api.h
 *	  What the SQL-callable functions share.
 *
 * Each of them checks its arguments, connects SPI, does its work with locks
 * taken in the order of store.c, and disconnects.
 */
#ifndef WF_API_H
#define WF_API_H

#include "fmgr.h"

#include "process/step.h"

/* The value of an argument, or an error that names it when it is null. */
extern text *wf_arg_text(FunctionCallInfo fcinfo, int n, const char *name);
extern pg_uuid_t *wf_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name);
extern char *wf_arg_string(FunctionCallInfo fcinfo, int n, const char *name);
/* Null is an error: it is neither. */
extern bool wf_arg_bool(FunctionCallInfo fcinfo, int n, const char *name);
/* Number of a version; null: 0, which stands for the newest.  Error 22023. */
extern int32 wf_arg_version(FunctionCallInfo fcinfo, int n);
/*
 * Error 22001 when a key, an id or the name of an event is longer than our
 * indexes take; `what` says which.
 */
extern void wf_check_length(const char *what, size_t length);
/* The name of an event: not empty, not too long, not one that only the engine sends. */
extern void wf_check_event(const char *event);
extern char *wf_arg_event(FunctionCallInfo fcinfo, int n);
/* The id of a command or an event, or NULL; error 22001. */
extern char *wf_arg_id_or_null(FunctionCallInfo fcinfo, int n);
extern Jsonb *wf_arg_jsonb_or_null(FunctionCallInfo fcinfo, int n);
/* Default: the current user.  Error 22001. */
extern char *wf_arg_actor(FunctionCallInfo fcinfo, int n);
/* Error WF002 when one was given whom the current user may not speak for. */
extern void wf_check_actor(FunctionCallInfo fcinfo, int n, const WfDefinition *definition);

/* Errors of a refusal that several functions give. */
pg_noreturn extern void wf_no_process(const pg_uuid_t *id);
pg_noreturn extern void wf_is_over(const pg_uuid_t *id);

extern void wf_connect(void);
/*
 * The same for functions that write, or lock rows: error 25006 on a standby
 * and in a read-only transaction.
 */
extern void wf_connect_to_write(FunctionCallInfo fcinfo);
/* The same for functions that are STABLE. */
extern void wf_connect_to_look(void);

/* Error WF002 unless the current user is an administrator of workflow. */
extern void wf_require_admin(const char *what);

/*
 * Lock a process for a change by the current user: WF001, WF002, WF004,
 * WF005 as they apply.  Registers the release of the lock with the wake room.
 */
extern WfProcess *wf_hold(WfStepper *stepper, const pg_uuid_t *id, bool nowait);
/* The same after the row was locked. */
extern WfProcess *wf_hold_row(WfStepper *stepper, const WfRow *row);

/* Error WF003 or WF004 when a process that stands so takes no commands. */
extern void wf_refuse_command(const WfRow *row);

/*
 * Events of a process that we hold which were given up become timers again,
 * except timers of states that are not `active`.  Returns whether there were
 * any.
 */
extern bool wf_redeliver(const pg_uuid_t *process, int32 owner, ArrayType *active);

/*
 * Error WF002 unless the current user may read the definition, or started
 * the process itself.
 */
extern void wf_require_sight(const pg_uuid_t *process, const WfDefinition *definition);

/*
 * Error WF002 unless the current user has any right on the definition.  (Who
 * may start a process learns the id of the one that has a key, anyway.)
 */
extern void wf_require_any(const WfDefinition *definition);

/*
 * The process with a business key; error WF001, or WF002 for those who have
 * no right on the definition.
 */
extern void wf_find(const char *definition, const char *key, pg_uuid_t *id);

/*
 * Compile a definition for an owner, with the path that its code will have,
 * and resolve every function and expression.  Error WF007 with all faults;
 * WF002 for a role that may not own definitions.
 * simulated: nothing will be stored.
 */
extern WfChart *wf_compile_checked(text *source, Oid role, const char *path,
								   bool simulated, WfEvaluator **evaluator);

/* The path of the current session, as it is kept with a definition. */
extern char *wf_path_for_user_code(void);

/* Owners and grants are known by the names that their roles have now. */
extern void wf_refresh_names(void);

/*
 * DROP ROLE is refused from now on, until the extension is dropped.  Locks the
 * schema against itself until the end of the transaction.
 */
extern void wf_pin_role(const char *name);

#endif							/* WF_API_H */
