/*
 * deparse_value.h
 *	  Writing the canonical form: JSON, values, guards, delays, actions.
 */
#ifndef WF_DEPARSE_VALUE_H
#define WF_DEPARSE_VALUE_H

#include "lib/stringinfo.h"

#include "chart/chart.h"
#include "compiler/writer.h"

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

#endif							/* WF_DEPARSE_VALUE_H */
