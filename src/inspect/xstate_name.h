/*
 * xstate_name.h
 *	  An export to XState under way, and the names that it gives.
 */
#ifndef WF_XSTATE_NAME_H
#define WF_XSTATE_NAME_H

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/list.h"
#include "compiler/writer.h"

/* What the user of the machine has to implement. */
typedef enum WfNeed
{
	WF_NEED_GUARD,
	WF_NEED_ACTION,
	WF_NEED_ACTOR,
	WF_NEEDS
} WfNeed;

typedef struct WfExporter
{
	WfWriter	w;
	const WfChart *chart;
	WfList		needs[WF_NEEDS];	/* names, sorted at the end */
	WfList		delays;			/* WfDelay that have to be implemented */
	WfList		delay_names;	/* and what they are called there */
	WfFaults	losses;			/* the hint names the construct */
} WfExporter;

/* The user of the machine has to implement that. */
static inline void
wf_xstate_name_need(WfExporter *e, WfNeed need, const char *name)
{
	wf_list_add(&e->needs[need], unconstify(char *, name));
}

/* What XState has no word for gets lost. */
static inline void
wf_xstate_name_loss(WfExporter *e, const char *path, const char *construct,
					const char *message)
{
	wf_diagnostic_fault(&e->losses, path, construct, "%s", message);
}

extern const char *wf_xstate_name_path(const WfExporter *e, WfStateId from,
									   WfStateId to);
extern const char *wf_xstate_name_id(const WfExporter *e, WfStateId id);
extern const char *wf_xstate_name_target(const WfExporter *e, WfStateId source,
										 WfStateId target);
extern bool wf_xstate_name_keeps_id(const WfExporter *e, const WfState *state);
extern const char *wf_xstate_name_event(WfExporter *e, const WfState *state,
										const char *event, const char *path);
extern bool wf_xstate_name_ms(WfExporter *e, const WfDelay *delay,
							  const char *path, int64 *ms);
extern const char *wf_xstate_name_of_delay(WfExporter *e, const WfDelay *delay,
										   const char *name);
extern void wf_xstate_name_delay(WfExporter *e, const WfDelay *delay);

#endif							/* WF_XSTATE_NAME_H */
