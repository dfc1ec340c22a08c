/*
 * bind.h
 *	  The table workflow.binding: processes are bound to rows of users.
 */
#ifndef WF_BIND_H
#define WF_BIND_H

#include "commands/trigger.h"

extern void wf_bind(const char *definition, Oid relation, const char *key_column, const char *state_column);
extern bool wf_bind_undo(const char *definition);
extern void wf_bind_guard(const TriggerData *data);
extern void wf_bind_resolve(bool foreign);

#endif							/* WF_BIND_H */
