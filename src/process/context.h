/*
 * context.h
 *	  The context of a process: its initial value, reading and changing it.
 */
#ifndef WF_CONTEXT_H
#define WF_CONTEXT_H

#include "utils/jsonb.h"

#include "definition/definition.h"
#include "process/process.h"

extern void wf_context_set(WfProcess *process, Jsonb *context);
extern void wf_context_change(WfProcess *process, int n, const char **keys, Jsonb **values);
extern void wf_context_check_patch(Jsonb *patch);
extern void wf_context_patch(WfProcess *process, Jsonb *patch);
extern Jsonb *wf_context_of(WfProcess *process);
extern Jsonb *wf_context_initial(WfDefinition *definition, Jsonb *input,
								 const char *actor, const char *key, const char *tenant);

#endif							/* WF_CONTEXT_H */
