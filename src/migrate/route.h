/*
 * route.h
 *	  Which states of one version of a definition become which of another.
 */
#ifndef WF_ROUTE_H
#define WF_ROUTE_H

#include "utils/jsonb.h"

#include "chart/chart.h"
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

extern WfMapping *wf_route_mapping_read(Jsonb *mapping, const WfDefinition *to);
extern WfRoute *wf_route(WfDefinition *from, WfDefinition *to,
						 WfMapping *mapping);
extern void wf_route_mapping_check_used(const WfMapping *mapping, const WfDefinition *to);
extern bool wf_route_goes_to(const WfMapped *mapped, WfStateId state);
extern Jsonb *wf_route_problem(const char *problem, const char *name,
							   const char *message);

#endif							/* WF_ROUTE_H */
