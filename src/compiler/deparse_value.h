/*
 * deparse_value.h
 *	  Writing the canonical form: JSON, values, guards, delays, actions.
 */
#ifndef WF_DEPARSE_VALUE_H
#define WF_DEPARSE_VALUE_H

#include "lib/stringinfo.h"

#include "chart/chart.h"
#include "compiler/compiler.h"

typedef struct WfWriter
{
	const WfChart *chart;
	StringInfoData buf;
	int			nids;			/* authors' ids, sorted */
	WfNamed    *ids;
} WfWriter;

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
