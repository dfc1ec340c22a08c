/*
 * diagram_text.h
 *	  What the author has written, on one line of a diagram.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DIAGRAM_TEXT_H
#define WF_DIAGRAM_TEXT_H

#include "lib/stringinfo.h"

#include "chart/chart.h"

extern void wf_diagram_text_piece(StringInfo buf, const char *text);
extern void wf_diagram_text_description(StringInfo buf, const char *text);
extern bool wf_diagram_text_has_words(const char *text);
extern void wf_diagram_text_guard(StringInfo buf, const WfChart *chart, const WfGuard *guard);
extern void wf_diagram_text_actions(StringInfo buf, const WfActionList *actions);
extern void wf_diagram_text_people(StringInfo buf, const WfValue *value);

#endif							/* WF_DIAGRAM_TEXT_H */
