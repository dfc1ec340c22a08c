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

/* Among more names than this no similar one is looked for. */
#define WF_LINT_MOST_NAMES	1000

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
	const char *asked;			/* the event that was asked for last, whether */
	bool		handled;		/* a state handles it */
	WfList		own;			/* what the process sends to itself; lint_sending.c's */
	const char **own_names;		/* sorted */
	bool		own_computed;	/* and events whose names are not known here */
	WfList		sends;			/* WfAction: what it sends to others */
	WfList		senders;		/* WfState: of each of them */
	WfList		findings;		/* WfFinding */
} WfLinter;

#endif							/* WF_LINTER_H */
