/*
 * privilege.h
 *	  The table workflow.permission: who may do what with a definition.
 */
#ifndef WF_PRIVILEGE_H
#define WF_PRIVILEGE_H

#include "definition/definition.h"

/* What a privilege is on. */
typedef enum WfPrivilegeKind
{
	WF_PRIVILEGE_DEFINITION,
	WF_PRIVILEGE_JOB,
	WF_PRIVILEGE_QUEUE,
	WF_PRIVILEGE_SCHEDULE,
	WF_PRIVILEGE_LIMIT,
	WF_PRIVILEGE_ALERT,			/* there are none: it is the owner's */
	WF_PRIVILEGE_FILE,			/* or a directory of files */
	WF_PRIVILEGE_FILE_TRIGGER,	/* there are none: it is the owner's */
	WF_PRIVILEGE_DIRECTORY		/* of the server, and all below; nobody owns it */
} WfPrivilegeKind;

extern WfPrivilegeKind wf_privilege_kind(const char *object, const char **name);
extern bool wf_privilege_is_known(WfPrivilegeKind kind, const char *privilege);
extern bool wf_privilege_role_may_on(Oid role, WfPrivilegeKind kind, const char *name, Oid owner,
									 const char *privilege);
extern bool wf_privilege_may(const WfDefinition *definition, const char *privilege);
extern bool wf_privilege_may_by_id(int32 id, const char *privilege);
extern bool wf_privilege_role_may(Oid role, const WfDefinition *definition, const char *privilege);
extern bool wf_privilege_role_may_act(Oid role, const WfDefinition *definition, const char *actor);
extern void wf_privilege_require_actor(const WfDefinition *definition, const char *actor);
extern void wf_privilege_require(const WfDefinition *definition, const char *privilege);
extern void wf_privilege_require_owner(const WfDefinition *definition);
extern void wf_privilege_grant(const char *definition, Oid role, const NameData *name,
							   Datum privilege);
extern void wf_privilege_revoke(const char *definition, Oid role, const NameData *name,
								Datum privilege);
extern void wf_privilege_confine(Oid role, const NameData *name, int n, Datum *tenants);
extern void wf_privilege_revoke_all(Oid role);
extern void wf_privilege_drop(const char *definition);
extern void wf_privilege_drop_on(WfPrivilegeKind kind, const char *name);
extern char *wf_privilege_object(WfPrivilegeKind kind, const char *name);
extern void wf_privilege_forget_gone(void);
extern void wf_privilege_refresh_names(void);
extern void wf_privilege_resolve(bool foreign);

#endif							/* WF_PRIVILEGE_H */
