/*
 * event_type.h
 *	  Events that a definition declares.
 *
 * Pure, like chart.h.
 */
#ifndef WF_EVENT_TYPE_H
#define WF_EVENT_TYPE_H

#include "chart/chart.h"
#include "chart/texts.h"

/* What is declared of the events that a descriptor stands for. */
typedef struct WfEventType
{
	int			id;				/* index into WfChart.events */
	const char *descriptor;		/* "pay", "order.*" or "*" */
	bool		refused;		/* such events are not accepted */
	const char *data;			/* JSON text of parameters; NULL: any data */
	WfTexts		texts;
	const char *meta;			/* JSON text, or NULL */
	const char *path;			/* JSON path, for messages */
} WfEventType;

extern const WfEventType *wf_event_type_of(const WfChart *chart, const char *event);

#endif							/* WF_EVENT_TYPE_H */
