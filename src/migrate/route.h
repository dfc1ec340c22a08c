/*
 * route.h
 *	  Which states of one version of a definition become which of another.
 */
#ifndef WF_ROUTE_H
#define WF_ROUTE_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "definition/definition.h"

/* A member of a mapping, and the place of a state in a route. */
typedef struct WfMapped
{
	char	   *name;			/* of a state of an old version */
	int			n;
	WfStateId  *targets;		/* states of the new version that it becomes */
	bool		used;			/* some old version has a state of this name */
} WfMapped;

/* What the caller says of states that have another name in the new version. */
typedef struct WfMapping
{
	int			n;
	WfMapped   *items;
} WfMapping;

/* Which states of the new version those of one old version become. */
typedef struct WfRoute
{
	WfDefinition *from;
	WfDefinition *to;
	WfMapped   *states;			/* by state of `from`; n is 0 if it has no place.
								 * A history state becomes one history state. */
} WfRoute;

extern WfMapping *wf_route_mapping_read(Jsonb *mapping, const WfDefinition *to);
extern WfRoute *wf_route(WfDefinition *from, WfDefinition *to,
						 WfMapping *mapping);
extern void wf_route_mapping_check_used(const WfMapping *mapping, const WfDefinition *to);
extern bool wf_route_goes_to(const WfMapped *mapped, WfStateId state);
extern Jsonb *wf_route_problem(const char *problem, const char *name,
							   const char *message);

#endif							/* WF_ROUTE_H */
