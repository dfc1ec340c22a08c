/*
 * deparse_value.h
 *	  Parts of the canonical form: names, values, guards, delays, actions.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DEPARSE_VALUE_H
#define WF_DEPARSE_VALUE_H

#include "chart/chart.h"
#include "compiler/writer.h"

extern const char *wf_deparse_value_reference(const WfWriter *w, WfStateId id);
extern void wf_deparse_value_write_reference(WfWriter *w, WfStateId id);
extern void wf_deparse_value_member(WfWriter *w, const char *name,
									const WfValue *value);
extern void wf_deparse_value_attribute(WfWriter *w, const WfAttribute *attribute);
extern void wf_deparse_value_guard(WfWriter *w, const WfGuard *guard);
extern void wf_deparse_value_delay(WfWriter *w, const WfDelay *delay);
extern void wf_deparse_value_delay_member(WfWriter *w, const char *name,
										  const WfDelay *delay);
extern void wf_deparse_value_actions(WfWriter *w, const char *key,
									 const WfActionList *actions);

#endif							/* WF_DEPARSE_VALUE_H */
