/*-------------------------------------------------------------------------
 *
 * expected_calls.c
 *	  What a statement of an author calls, whenever it is looked up.
 *
 * Runs in executors, and in the session that calls call_job().  The server looks the names
 * of a statement up when it is prepared, and again, by itself, whenever something that it
 * uses has changed: even between the moment in which its locks are wanted and the one in which
 * they are had.  So what is found each time is checked where it is found (calls.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "parser/analyze.h"

#include "eval/calls.h"
#include "eval/expected_calls.h"

/* The statements that are being executed, the innermost first. */
static WfExpectedCalls *innermost = NULL;

static post_parse_analyze_hook_type previous_hook = NULL;

/* The hook.  Statements are known by their texts: code that they call has others. */
static void
on_analyzed(ParseState *pstate, Query *query, JumbleState *jumble)
{
	if (previous_hook)
		previous_hook(pstate, query, jumble);
	if (likely(innermost == NULL) || pstate->p_sourcetext == NULL)
		return;
	for (WfExpectedCalls *one = innermost; one != NULL; one = one->outer)
		if (one->calls != NULL && strcmp(one->text, pstate->p_sourcetext) == 0)
			wf_calls_check(one->calls, one->key, "statement", one->text, (Node *) query);
}

/* Chain the hook; called by _PG_init(). */
void
wf_expected_calls_init(void)
{
	previous_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = on_analyzed;
}

/*
 * A statement is prepared and executed until wf_expected_calls_end(), which is also called
 * after an error: what it calls is checked as wf_calls_check() does, with its errors.
 */
void
wf_expected_calls_begin(WfExpectedCalls *expected)
{
	expected->outer = innermost;
	innermost = expected;
}

/* It is executed no more. */
void
wf_expected_calls_end(const WfExpectedCalls *expected)
{
	innermost = expected->outer;
}
