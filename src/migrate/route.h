/*
 * route.h
 *	  Which states of one version of a definition become which of another.
 */
#ifndef WF_ROUTE_H
#define WF_ROUTE_H

#include "definition/definition.h"

/* One member of a mapping: an old state's name, and what it becomes. */
typedef struct WfMapped
{
	char	   *name;
	int			n;
	WfStateId  *targets;		/* in the new version */
	bool		used;			/* some old version has such a state */
} WfMapped;

typedef struct WfMapping
{
	int			n;
	WfMapped   *items;
} WfMapping;

/* Where the states of an old version go. */
typedef struct WfRoute
{
	WfDefinition *from;
	WfDefinition *to;
	WfMapped   *states;			/* by state of from; n 0: nowhere, else at least
								 * one; a history state goes to one such */
} WfRoute;

/*
 * Read a mapping (NULL: an empty one), in the current memory context.  Error
 * 22023 when it is none, or names what the new version does not have.
 */
extern WfMapping *wf_mapping_read(Jsonb *mapping, const WfDefinition *to);

/* In the current memory context.  Error 22023 for mixing up history states. */
extern WfRoute *wf_route(WfDefinition *from, WfDefinition *to,
						 WfMapping *mapping);

/* After all routes: error 22023 when a member of the mapping was for none. */
extern void wf_mapping_check_used(const WfMapping *mapping, const WfDefinition *to);

/* Does the old state become this one? */
extern bool wf_goes_to(const WfMapped *mapped, WfStateId state);

/* What a migration meets: {"problem", "name", "message"}; name may be NULL. */
extern Jsonb *wf_migration_problem(const char *problem, const char *name,
								   const char *message);

#endif							/* WF_ROUTE_H */
