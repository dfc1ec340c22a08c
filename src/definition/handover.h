/*
 * handover.h
 *	  What a role owns becomes another role's.
 */
#ifndef WF_HANDOVER_H
#define WF_HANDOVER_H

#include "nodes/pg_list.h"

/* What a change of an owner needs to know of a definition, which need not be usable. */
typedef struct WfOwned
{
	const char *name;
	int32		owner;			/* workflow.owner.id */
	Oid			role;			/* of that; need not exist */
	const char *role_name;
} WfOwned;

extern void wf_handover_find(const char *name, WfOwned *owned);
extern void wf_handover_check_target(Oid role);
extern bool wf_handover_definition(const char *name, Oid role, const char *note);
extern void wf_handover_all(List *from, Oid to, const char *note);
extern const char *wf_handover_owned(Oid role);
extern bool wf_handover_follow(void);

#endif							/* WF_HANDOVER_H */
