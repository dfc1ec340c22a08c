/*
 * xstate_action.h
 *	  Transitions, guards and actions of a machine of XState.
 *
 * Pure, like chart.h.
 */
#ifndef WF_XSTATE_ACTION_H
#define WF_XSTATE_ACTION_H

#include "chart/chart.h"
#include "inspect/xstate_name.h"

extern void wf_xstate_actions(WfExporter *e, const char *key,
							  const WfActionList *actions);
extern void wf_xstate_action_failing(WfExporter *e, const char *path, const WfPolicy *on_error,
									 const WfDelay *limit, const WfState *around);
extern void wf_xstate_action_transitions(WfExporter *e, const char *key,
										 WfTransition *const *list, int n);

#endif							/* WF_XSTATE_ACTION_H */
