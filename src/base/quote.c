/*-------------------------------------------------------------------------
 *
 * quote.c
 *	  What callers gave us, as messages quote it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/quote.h"

/* A name of ours may be longer; it takes more to fill a screen. */
#define LONGEST_QUOTE	200

const char *
wf_quoted_part(const char *text, int length)
{
	int			shown = pg_mbcliplen(text, length, LONGEST_QUOTE);

	return psprintf("%.*s%s", shown, text, shown < length ? "..." : "");
}

const char *
wf_quoted(const char *text)
{
	size_t		length = strlen(text);

	return length <= LONGEST_QUOTE ? text : wf_quoted_part(text, (int) length);
}
