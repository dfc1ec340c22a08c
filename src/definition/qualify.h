/*
 * qualify.h
 *	  Which function a name in a chart means, whatever else is in the path now.
 */
#ifndef WF_QUALIFY_H
#define WF_QUALIFY_H

#include "utils/jsonb.h"

#include "chart/chart.h"

extern void wf_qualify(const WfChart *chart, const Jsonb *functions, const char *path,
					   Oid role, bool shorten);

#endif							/* WF_QUALIFY_H */
