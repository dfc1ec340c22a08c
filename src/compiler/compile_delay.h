/*
 * compile_delay.h
 *	  Delays: numbers, durations as text, names in `delays`, expressions.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_DELAY_H
#define WF_COMPILE_DELAY_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern WfDelay *wf_compile_delay(WfCompiler *c, const WfJson *json,
								 const WfPath *path);
extern WfDelay *wf_compile_delay_text(WfCompiler *c, const char *text,
									  const WfPath *path);
extern const WfDelay *wf_compile_delay_limit(WfCompiler *c, const WfJson *json,
											 const WfPath *path);
extern void wf_compile_delays(WfCompiler *c, const WfJson *json,
							  const WfPath *path);

#endif							/* WF_COMPILE_DELAY_H */
