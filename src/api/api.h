/*
 * api.h
 *	  What the SQL-callable functions share: connection, rights, locks.
 */
#ifndef WF_API_H
#define WF_API_H

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"
#include "process/process.h"
#include "store/process_row.h"

extern void wf_api_connect_to_write(FunctionCallInfo fcinfo);
extern void wf_api_require_top(FunctionCallInfo fcinfo, const char *reason);
extern void wf_api_connect_to_commit(FunctionCallInfo fcinfo);
extern void wf_api_connect_to_look(void);
extern Datum wf_api_look(PGFunction function, FunctionCallInfo fcinfo);
extern void wf_api_require_admin(const char *procedure);
extern WfProcess *wf_api_hold_as_owner(WfStepper *stepper, const pg_uuid_t *id);
extern void wf_api_lock_to_send(const pg_uuid_t *id, bool nowait, WfRow *row);
extern WfDefinition *wf_api_lock_as_owner(const pg_uuid_t *id, WfRow *row);
extern WfProcess *wf_api_hold(WfStepper *stepper, const pg_uuid_t *id, bool nowait);
extern void wf_api_locked(const WfRow *row);
/* Not the number of an argument: nothing but the setting says it. */
#define WF_API_NO_TENANT	INT_MAX

extern int	wf_api_for_tenant(FunctionCallInfo fcinfo, int n);
extern void wf_api_require_tenant(const pg_uuid_t *id, Datum tenant);
extern void wf_api_read(const pg_uuid_t *id, WfRow *row);
extern WfProcess *wf_api_hold_row(WfStepper *stepper, const WfRow *row);
extern void wf_api_require_sight(const pg_uuid_t *process, const WfDefinition *definition);
extern void wf_api_require_any(const WfDefinition *definition);
extern void wf_api_find(const char *definition, const char *key, pg_uuid_t *id);

#endif							/* WF_API_H */
