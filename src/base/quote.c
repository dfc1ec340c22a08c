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

/* The same of `length` bytes that no zero follows; always a copy. */
const char *
wf_quote_part(const char *text, int length)
{
	int			shown = pg_mbcliplen(text, length, LONGEST_QUOTE);

	return psprintf("%.*s%s", shown, text, shown < length ? "..." : "");
}

/*
 * `text`, or a copy that ends in "..." after so many bytes as a reader of a
 * message wants to see of it: the name of nothing may be a megabyte.  Never
 * ends inside of a character.  No errors, no locks.
 */
const char *
wf_quote(const char *text)
{
	size_t		length = strlen(text);

	return length <= LONGEST_QUOTE ? text : wf_quote_part(text, (int) length);
}
