/*-------------------------------------------------------------------------
 *
 * diagnostic.c
 *	  Faults of definitions, the paths that lead to them, spelling hints.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"

#include "mb/pg_wchar.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/diagnostic.h"

/* Words longer than this are not worth a spelling hint. */
#define LONGEST_WORD	64

/* Nobody reads further: a key or a value of the author's may be a megabyte. */
#define LONGEST_PART	1000

/* A message or a path as it is shown; text is ours. */
static char *
clipped(char *text)
{
	size_t		length = strlen(text);
	int			shown;

	if (length <= LONGEST_PART)
		return text;
#ifndef FRONTEND
	shown = pg_mbcliplen(text, (int) length, LONGEST_PART - 3);
#else
	shown = LONGEST_PART - 3;
#endif
	strcpy(text + shown, "...");
	return text;
}

/* The formatted text, in new memory. */
char *
wf_diagnostic_format(const char *fmt, va_list args)
{
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list		copy;
		int			needed;

		va_copy(copy, args);
		needed = appendStringInfoVA(&text, fmt, copy);
		va_end(copy);
		if (needed == 0)
			return text.data;
		enlargeStringInfo(&text, needed);
	}
}

/* Adds a fault; path, message and hint are copied. */
void
wf_diagnostic_fault(WfFaults *faults, const char *path, const char *hint,
					const char *fmt,...)
{
	va_list		args;
	WfFault    *fault;

	/*
	 * A hostile or wildly wrong document has a fault in every line; nobody
	 * reads more than the first screens, but n must show that there is one.
	 */
	if (faults->n >= WF_MAX_FAULTS)
		return;
	if (faults->items == NULL)
	{
		faults->size = 16;
		faults->items = palloc(faults->size * sizeof(WfFault));
	}
	else if (faults->n >= faults->size)
	{
		faults->size *= 2;
		faults->items = repalloc(faults->items,
								 faults->size * sizeof(WfFault));
	}

	fault = &faults->items[faults->n++];
	fault->path = clipped(pstrdup(path));
	va_start(args, fmt);
	fault->message = clipped(wf_diagnostic_format(fmt, args));
	va_end(args);
	fault->hint = hint ? pstrdup(hint) : NULL;
}

/*
 * How many edits lie between two words; anything above `limit` is answered
 * with limit + 1.
 */
static int
edit_distance(const char *a, const char *b, int limit)
{
	int			row[LONGEST_WORD + 1];
	int			la = strlen(a);
	int			lb = strlen(b);

	if (la > LONGEST_WORD || lb > LONGEST_WORD || abs(la - lb) > limit)
		return limit + 1;
	for (int j = 0; j <= lb; j++)
		row[j] = j;
	for (int i = 1; i <= la; i++)
	{
		int			diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= lb; j++)
		{
			int			above = row[j];
			int			change = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = Min(Min(above, row[j - 1]) + 1, change);
			diagonal = above;
		}
	}
	return Min(row[lb], limit + 1);
}

/* "did you mean ...?" for the nearest of a NULL-ended list, or NULL. */
const char *
wf_diagnostic_spelling_hint(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	int			best = Min(2, (int) strlen(word) / 2) + 1;

	for (; *words; words++)
	{
		int			distance;

		if (pg_strcasecmp(word, *words) == 0)
			distance = 0;
		else
			distance = edit_distance(word, *words, 2);
		if (distance < best)
		{
			best = distance;
			nearest = *words;
		}
	}
	return nearest ? psprintf("Did you mean \"%s\"?", nearest) : NULL;
}

/* All of them, a line each: path, message, hint. */
char *
wf_diagnostic_text(const WfFaults *faults)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < Min(faults->n, WF_MAX_FAULTS); i++)
	{
		const WfFault *fault = &faults->items[i];

		appendStringInfo(&text, "%s%s: %s", i > 0 ? "\n" : "", fault->path,
						 fault->message);
		if (fault->hint != NULL)
			appendStringInfo(&text, " (%s)", fault->hint);
	}
	return text.data;
}
