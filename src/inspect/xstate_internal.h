/*
 * xstate_internal.h
 *	  What the rooms of the export share; nobody else includes it.
 *
 * export.c			the whole: states, what they hold, the report
 * export_action.c	transitions, guards, actions
 * export_name.c	names: targets, events, delays
 */
#ifndef WF_EXPORT_INTERNAL_H
#define WF_EXPORT_INTERNAL_H

#include "compiler/deparse.h"
#include "inspect/xstate.h"

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
wf_export_need(WfExporter *e, WfNeed need, const char *name)
{
	wf_list_add(&e->needs[need], unconstify(char *, name));
}

/* What XState has no word for gets lost. */
static inline void
wf_export_loss(WfExporter *e, const char *path, const char *construct,
			   const char *message)
{
	wf_fault(&e->losses, path, construct, "%s", message);
}

/* export_action.c */
extern void wf_export_actions(WfExporter *e, const char *key,
							  const WfActionList *actions);
extern void wf_export_transitions(WfExporter *e, const char *key,
								  WfTransition *const *list, int n);

/* export_name.c */
extern const char *wf_export_path(const WfExporter *e, WfStateId from,
								  WfStateId to);
extern const char *wf_export_id(const WfExporter *e, WfStateId id);
extern const char *wf_export_target(const WfExporter *e, WfStateId source,
									WfStateId target);
extern bool wf_export_keeps_id(const WfExporter *e, const WfState *state);
extern const char *wf_export_event(WfExporter *e, const WfState *state,
								   const char *event, const char *path);
extern bool wf_export_ms(WfExporter *e, const WfDelay *delay,
						 const char *path, int64 *ms);
extern const char *wf_export_delay_name(WfExporter *e, const WfDelay *delay,
										const char *name);
extern void wf_export_delay(WfExporter *e, const WfDelay *delay);

#endif							/* WF_EXPORT_INTERNAL_H */
