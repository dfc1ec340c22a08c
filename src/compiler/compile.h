/*
 * compile.h
 *	  From a definition's JSON text to a chart, or to the list of its faults.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_H
#define WF_COMPILE_H

#include "chart/chart.h"
#include "chart/diagnostic.h"

extern WfChart *wf_compile(const char *text, int len, WfFaults *faults);
extern WfChart *wf_compile_lenient(const char *text, int len, WfFaults *faults);

#endif							/* WF_COMPILE_H */
