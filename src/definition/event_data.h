/*
 * event_data.h
 *	  The data of events that a definition declares.
 */
#ifndef WF_EVENT_DATA_H
#define WF_EVENT_DATA_H

#include "chart/diagnostic.h"
#include "definition/definition.h"
#include "parameter/parameters.h"

extern void wf_event_data_declare(const WfEvaluator *evaluator, WfFaults *faults);
extern Jsonb *wf_event_data_calls(const WfEvaluator *evaluator);
extern const WfParameters *wf_event_data_parameters(WfDefinition *definition, const char *event);
extern Jsonb *wf_event_data_check(WfDefinition *definition, const char *event, Jsonb *data);
extern Jsonb *wf_event_data_try(WfDefinition *definition, const char *event, Jsonb *data,
								ErrorData **error);
extern Jsonb *wf_event_data_schema(WfDefinition *definition, const char *event,
								   const char *language);

#endif							/* WF_EVENT_DATA_H */
