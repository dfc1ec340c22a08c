/*
 * trace.h
 *	  The observer of a simulation: what a step does, as a list of effects.
 */
#ifndef WF_TRACE_H
#define WF_TRACE_H

#include "utils/jsonb.h"

#include "simulate/simulate.h"

extern void wf_trace_init(WfSimulation *sim);
extern Jsonb *wf_trace_effect(const char *kind,...);
extern Jsonb *wf_trace_error(const char *kind, const ErrorData *error,
							 TimestampTz again);

#endif							/* WF_TRACE_H */
