/*-------------------------------------------------------------------------
 *
 * diagnostic.c
 *	  Faults of definitions: collect and print them; spelling hints.
 *
 * Pure C, in any process and in programs.  Whatever the author wrote may be
 * in a fault and may be long, so that messages and paths are clipped.
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

/* Words longer than this get no spelling hint.  In bytes. */
#define LONGEST_WORD	64

/* Longer messages, hints and paths are clipped.  In bytes. */
#define LONGEST_PART	1000

/* Clip a part of a fault in place, at the end of a character. */
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

/* Return the formatted text, in the current memory context. */
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

/*
 * Add a fault; when there are WF_MAX_FAULTS already, only count it.  Path, hint
 * (or NULL) and message are copied into the current memory context and clipped
 * at 1,000 bytes.
 */
void
wf_diagnostic_fault(WfFaults *faults, const char *path, const char *hint,
					const char *fmt,...)
{
	va_list		args;
	WfFault    *fault;

	/*
	 * A hostile document, or one of another kind, has a fault in every line.
	 * Nobody reads more than the first screens.
	 */
	if (faults->n >= WF_MAX_FAULTS)
	{
		faults->more++;
		return;
	}
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
	fault->hint = hint ? clipped(pstrdup(hint)) : NULL;
}

/*
 * Return how many letters have to be added, left out, changed or swapped with
 * their neighbour to make one word of another, or limit + 1 if that is more than
 * `limit`.  Only three rows of the matrix are kept.
 */
static int
edit_distance(const char *a, const char *b, int limit)
{
	int			rows[3][LONGEST_WORD + 1];
	int			la = strlen(a);
	int			lb = strlen(b);

	if (la > LONGEST_WORD || lb > LONGEST_WORD || abs(la - lb) > limit)
		return limit + 1;
	for (int j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (int i = 1; i <= la; i++)
	{
		int		   *row = rows[i % 3];
		const int  *above = rows[(i - 1) % 3];
		const int  *before = rows[(i + 1) % 3];

		row[0] = i;
		for (int j = 1; j <= lb; j++)
		{
			row[j] = Min(Min(above[j], row[j - 1]) + 1,
						 above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = Min(row[j], before[j - 2] + 1);
		}
	}
	return Min(rows[la % 3][lb], limit + 1);
}

/*
 * Return a hint, "Did you mean ...?", with the word of a NULL-terminated
 * list that is nearest to this one, or NULL if none is near.
 */
const char *
wf_diagnostic_spelling_hint(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	int			len = strlen(word);

	/* of a short word, half of whose letters differ, nothing is left */
	int			best = (len > 5 ? 2 : len > 1 ? 1 : 0) + 1;

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

/*
 * Return all faults as text, one on a line: path, message and hint; at the end
 * the number of those that were only counted.
 */
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
	if (faults->more > 0)
		appendStringInfo(&text, "\nand %d more", faults->more);
	return text.data;
}
