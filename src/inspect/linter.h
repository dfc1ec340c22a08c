/*
 * linter.h
 *	  The state of a linter, for the files lint*.c only.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINTER_H
#define WF_LINTER_H

#include "chart/chart.h"
#include "compiler/list.h"

/* A finding, until it is reported. */
typedef struct WfFinding
{
	const char *path;
	const char *rule;
	const char *message;
	const char *hint;
	WfStateId	state;			/* what it is about */
	int			number;			/* findings about a state keep their order */
} WfFinding;

/* An examination of a chart. */
typedef struct WfLinter
{
	const WfChart *chart;
	bool	   *reachable;		/* by state: it can become active */
	bool	   *endable;		/* by state: it can be done */
	int			nsources;		/* of events of the engine, sorted */
	const char **sources;		/* events of timers, ids of invokes */
	const char *then;			/* the event of `on_error` that was asked for last */
	bool		then_handled;	/* a state handles it */
	WfList		findings;		/* WfFinding */
} WfLinter;

#endif							/* WF_LINTER_H */
