/*
 * owner_role.h
 *	  The table workflow.owner: the roles that own definitions.
 */
#ifndef WF_OWNER_ROLE_H
#define WF_OWNER_ROLE_H

#include "nodes/pg_list.h"

extern int32 wf_owner_role_id(Oid role);
extern Oid	wf_owner_role_of(int32 owner);
extern void wf_owner_role_check(Oid role, const char *what);
extern void wf_owner_role_pin(Oid role);
extern void wf_owner_role_refresh_names(void);
extern void wf_owner_role_resolve(bool foreign);
extern int32 wf_owner_role_enter(Oid role);
extern void wf_owner_role_handed_over(int32 owner);
extern bool wf_owner_role_release(int32 owner);
extern uint64 wf_owner_role_list(void);
extern List *wf_owner_role_list_handed(void);
extern void wf_owner_role_followed(int32 owner, bool has_timers);

#endif							/* WF_OWNER_ROLE_H */
