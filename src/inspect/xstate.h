/*
 * xstate.h
 *	  A chart as a machine of XState, version 5.
 *
 * Pure, like chart.h.
 */
#ifndef WF_XSTATE_H
#define WF_XSTATE_H

#include "chart/chart.h"

extern char *wf_xstate(const WfChart *chart, int version);

#endif							/* WF_XSTATE_H */
