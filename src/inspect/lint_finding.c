/*-------------------------------------------------------------------------
 *
 * lint_finding.c
 *	  Findings: they come rule by rule, and are told in document order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "inspect/lint.h"
#include "inspect/lint_finding.h"
#include "inspect/linter.h"

void
wf_lint_finding_add(WfLinter *l, const WfState *state, const char *path,
					const char *rule, const char *hint, const char *fmt,...)
{
	va_list		args;
	WfFinding  *finding;

	if (l->n == l->size)
	{
		l->size = l->size ? l->size * 2 : 16;
		l->findings = l->findings ?
			repalloc(l->findings, l->size * sizeof(WfFinding)) :
			palloc(l->size * sizeof(WfFinding));
	}
	finding = &l->findings[l->n];
	finding->path = path;
	finding->rule = rule;
	finding->hint = hint;
	finding->place = state->id;
	finding->number = l->n++;
	va_start(args, fmt);
	finding->message = wf_diagnostic_format(fmt, args);
	va_end(args);
}

static int
compare_findings(const void *a, const void *b)
{
	const WfFinding *x = a;
	const WfFinding *y = b;

	return x->place != y->place ? x->place - y->place : x->number - y->number;
}

void
wf_lint_finding_tell(WfLinter *l, WfLintFound found, void *arg)
{
	qsort(l->findings, l->n, sizeof(WfFinding), compare_findings);
	for (int i = 0; i < l->n; i++)
	{
		const WfFinding *finding = &l->findings[i];

		found(arg, finding->path, finding->rule, finding->message, finding->hint);
	}
}
