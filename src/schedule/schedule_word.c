/*-------------------------------------------------------------------------
 *
 * schedule_word.c
 *	  The words in which a schedule is told what to do.
 *
 * Runs in any backend.  Callers write them, and so does the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/quote.h"
#include "recurrence/recurrence.h"
#include "schedule/schedule_row.h"
#include "schedule/schedule_word.h"

#define MOST_WORDS	5

static const struct
{
	const char *name;			/* of the argument */
	const char *list;			/* for a message */
	const char *words[MOST_WORDS];
}			kinds[] = {
	[WF_WORDS_OVERLAP] = {"overlap", "\"skip\", \"queue\", \"allow\" or \"cancel\"", {
		[WF_OVERLAP_SKIP] = "skip",
		[WF_OVERLAP_QUEUE] = "queue",
		[WF_OVERLAP_ALLOW] = "allow",
		[WF_OVERLAP_CANCEL] = "cancel"
	}},
	[WF_WORDS_CATCH_UP] = {"catch_up", "\"one\", \"none\" or \"all\"", {
		[WF_CATCH_UP_ONE] = "one",
		[WF_CATCH_UP_NONE] = "none",
		[WF_CATCH_UP_ALL] = "all"
	}},
	[WF_WORDS_GAP] = {"gap", "\"next\" or \"skip\"", {
		[WF_GAP_NEXT] = "next",
		[WF_GAP_SKIP] = "skip"
	}},
	[WF_WORDS_FOLD] = {"fold", "\"first\", \"second\" or \"both\"", {
		[WF_FOLD_FIRST] = "first",
		[WF_FOLD_SECOND] = "second",
		[WF_FOLD_BOTH] = "both"
	}}
};

/* The word for a value. */
const char *
wf_schedule_word(WfScheduleWords words, int value)
{
	return kinds[words].words[value];
}

/* The value of a word.  Error 22023, which names the argument, for any other word; 22004 for none. */
int
wf_schedule_word_value(WfScheduleWords words, const char *word)
{
	if (word == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", kinds[words].name)));
	for (int i = 0; kinds[words].words[i] != NULL; i++)
		if (strcmp(kinds[words].words[i], word) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be %s, not \"%s\"", kinds[words].name, kinds[words].list, wf_quote(word))));
}
