/*
 * linter.h
 *	  What the rooms of the linter share; nobody else includes it.
 *
 * lint.c			the whole, rules about states
 * lint_list.c		rules about lists of transitions: guards, what shadows what
 * lint_reach.c		which states can become active, where a process can go
 * lint_finding.c	findings
 */
#ifndef WF_LINTER_H
#define WF_LINTER_H

#include "chart/chart.h"

/* A finding, to be put in order. */
typedef struct WfFinding
{
	const char *path;
	const char *rule;
	const char *message;
	const char *hint;
	int			place;			/* of the state */
	int			number;			/* findings of one place keep their order */
} WfFinding;

typedef struct WfLinter
{
	const WfChart *chart;
	bool	   *reachable;		/* by state: can it ever be active? */
	bool	   *endable;		/* by state: can it ever be done? */
	int			n;
	int			size;
	WfFinding  *findings;
} WfLinter;

#endif							/* WF_LINTER_H */
