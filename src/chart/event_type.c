/*-------------------------------------------------------------------------
 *
 * event_type.c
 *	  Events that a definition declares.
 *
 * Pure C, in any process and in programs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/event_type.h"

/*
 * What is declared of an event, or NULL: by the most specific descriptor, as handlers of
 * a state are found.  event may also be a descriptor; then it is what is declared of all
 * that it stands for.
 */
const WfEventType *
wf_event_type_of(const WfChart *chart, const char *event)
{
	const WfEventType *best = NULL;
	size_t		best_len = 0;

	for (int i = 0; i < chart->nevents; i++)
	{
		const WfEventType *type = &chart->events[i];
		size_t		len = strlen(type->descriptor);

		if (strcmp(type->descriptor, event) == 0)
			return type;
		if (wf_chart_descriptor_matches(type->descriptor, event) &&
			(best == NULL || len > best_len))
		{
			best = type;
			best_len = len;
		}
	}
	return best;
}
