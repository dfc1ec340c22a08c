/*-------------------------------------------------------------------------
 *
 * lint_finding.c
 *	  Findings: they are found rule by rule, and reported in document
 *	  order.
 *
 * Pure C.
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
#include "compiler/list.h"
#include "inspect/lint.h"
#include "inspect/lint_finding.h"
#include "inspect/linter.h"

/*
 * Add a finding about a state.  path, rule and hint are kept as they are and
 * must live as long as the linter; the message is formatted into new memory.
 */
void
wf_lint_finding_add(WfLinter *l, const WfState *state, const char *path,
					const char *rule, const char *hint, const char *fmt,...)
{
	va_list		args;
	WfFinding  *finding = palloc(sizeof(WfFinding));

	finding->path = path;
	finding->rule = rule;
	finding->hint = hint;
	finding->state = state->id;
	finding->number = l->findings.n;
	va_start(args, fmt);
	finding->message = wf_diagnostic_format(fmt, args);
	va_end(args);
	wf_list_add(&l->findings, finding);
}

static int
compare_findings(const void *a, const void *b)
{
	const WfFinding *x = *(const WfFinding *const *) a;
	const WfFinding *y = *(const WfFinding *const *) b;

	return x->state != y->state ? x->state - y->state : x->number - y->number;
}

/*
 * Call `found` for each finding, in document order of their states; findings
 * about the same state keep their order.
 */
void
wf_lint_finding_tell(WfLinter *l, WfLintFound found, void *arg)
{
	if (l->findings.n > 0)
		qsort(l->findings.items, l->findings.n, sizeof(WfFinding *), compare_findings);
	for (int i = 0; i < l->findings.n; i++)
	{
		const WfFinding *finding = l->findings.items[i];

		found(arg, finding->path, finding->rule, finding->message, finding->hint);
	}
}
