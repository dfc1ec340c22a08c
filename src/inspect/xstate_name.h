/*
 * xstate_name.h
 *	  The state of an export to XState, and the names that it uses.
 *
 * Pure, like chart.h.
 */
#ifndef WF_XSTATE_NAME_H
#define WF_XSTATE_NAME_H

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/list.h"
#include "compiler/writer.h"

/* Kinds of things that the user of the machine has to implement. */
typedef enum WfNeed
{
	WF_NEED_GUARD,
	WF_NEED_ACTION,
	WF_NEED_ACTOR,
	WF_NEEDS
} WfNeed;

/* An export. */
typedef struct WfExporter
{
	WfWriter	w;
	const WfChart *chart;
	WfList		needs[WF_NEEDS];	/* names; duplicates are removed at the end */
	WfList		delays;			/* WfDelay that have to be implemented */
	WfList		delay_names;	/* their names */
	WfNumbers	delay_numbers;	/* places in both, by name */
	WfFaults	losses;			/* the hint is the name of the construct */
} WfExporter;

/* Note that the user of the machine has to implement something. */
static inline void
wf_xstate_name_need(WfExporter *e, WfNeed need, const char *name)
{
	wf_list_add(&e->needs[need], unconstify(char *, name));
}

/* Note that a construct is lost, because XState cannot express it. */
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
