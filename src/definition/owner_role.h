/*
 * owner_role.h
 *	  The table workflow.owner: the roles that own definitions.
 */
#ifndef WF_OWNER_ROLE_H
#define WF_OWNER_ROLE_H

extern int32 wf_owner_role_id(Oid role);
extern void wf_owner_role_check(Oid role);
extern void wf_owner_role_pin(const char *name);
extern void wf_owner_role_refresh_names(void);
extern void wf_owner_role_resolve(bool foreign);
extern int32 wf_owner_role_enter(Oid role);

#endif							/* WF_OWNER_ROLE_H */
