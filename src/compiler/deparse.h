/*
 * deparse.h
 *	  What the rooms that write definitions share: the canonical form, and the
 *	  export, which takes its JSON and its values from here; nobody else
 *	  includes it.
 */
#ifndef WF_CANONICAL_H
#define WF_CANONICAL_H

#include "compiler/compile_internal.h"

typedef struct WfWriter
{
	const WfChart *chart;
	StringInfoData buf;
	int			nids;			/* authors' ids, sorted */
	WfNamed    *ids;
} WfWriter;

/* JSON: commas come by themselves; members with NULL are left out. */
extern void wf_write_comma(WfWriter *w);
extern void wf_write_key(WfWriter *w, const char *name);
extern void wf_write_begin(WfWriter *w, char bracket);
extern void wf_write_end(WfWriter *w, char bracket);
extern void wf_write_text(WfWriter *w, const char *text);
extern void wf_write_raw(WfWriter *w, const char *text);
extern void wf_text_member(WfWriter *w, const char *name, const char *text);
extern void wf_raw_member(WfWriter *w, const char *name, const char *text);
extern void wf_texts_member(WfWriter *w, const char *name,
							const char **strings, int n);

/* The handler of exactly this event, or NULL. */
extern const WfHandler *wf_find_handler(const WfState *state, const char *event);
/* Has an event of a state a key of its own outside of `on`: a timer, an end? */
extern bool wf_has_own_place(const WfState *state, const char *event);

/* States, values, guards, delays, actions. */
extern const char *wf_state_reference(const WfWriter *w, WfStateId id);
extern void wf_write_reference(WfWriter *w, WfStateId id);
extern void wf_value_member(WfWriter *w, const char *name,
							const WfValue *value);
extern void wf_attribute_member(WfWriter *w, const WfAttribute *attribute);
extern void wf_guard_member(WfWriter *w, const WfGuard *guard);
extern void wf_write_delay(WfWriter *w, const WfDelay *delay);
extern void wf_delay_member(WfWriter *w, const char *name,
							const WfDelay *delay);
extern void wf_write_actions(WfWriter *w, const char *key,
							 const WfActionList *actions);

#endif							/* WF_CANONICAL_H */
