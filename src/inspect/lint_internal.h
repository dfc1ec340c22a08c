/*
 * lint_internal.h
 *	  What the rooms of the linter share; nobody else includes it.
 *
 * lint.c			the whole, rules about states
 * lint_list.c		rules about lists of transitions: guards, what shadows what
 * lint_reach.c		which states can become active, where a process can go
 * lint_finding.c	findings
 */
#ifndef WF_LINT_INTERNAL_H
#define WF_LINT_INTERNAL_H

#include "inspect/lint.h"

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

/* lint_finding.c */
extern void wf_lint_add(WfLinter *l, const WfState *state, const char *path,
						const char *rule, const char *hint,
						const char *fmt,...) pg_attribute_printf(6, 7);
extern void wf_lint_tell(WfLinter *l, WfLintFound found, void *arg);

/* lint_list.c */
extern bool wf_lint_is_false(const WfGuard *guard);
extern bool wf_lint_is_certain(const WfTransition *transition);
extern bool wf_lint_leaves(const WfLinter *l, const WfTransition *transition,
						   const WfState *state);
extern void wf_lint_lists(WfLinter *l, const WfState *state);

/* lint_reach.c */
extern void wf_lint_reach(WfLinter *l);
extern bool wf_lint_has_exit(const WfLinter *l, const WfState *state);
extern void wf_lint_cycles(WfLinter *l);

#endif							/* WF_LINT_INTERNAL_H */
