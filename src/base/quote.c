/*-------------------------------------------------------------------------
 *
 * quote.c
 *	  Texts of callers, as messages quote them.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/quote.h"

/*
 * In bytes.  Names are allowed to be longer, but a message is not to fill a
 * screen.
 */
#define LONGEST_QUOTE	200

/*
 * Return a copy of `length` bytes of text, which need not be terminated.  A
 * long text is cut off between two characters, and "..." shows that.
 */
const char *
wf_quote_part(const char *text, int length)
{
	int			shown = pg_mbcliplen(text, length, LONGEST_QUOTE);

	return psprintf("%.*s%s", shown, text, shown < length ? "..." : "");
}

/*
 * Return the text, or a copy that is cut off as wf_quote_part() does it.
 * Messages quote with this what callers passed in: the name of something
 * that does not exist may be a megabyte long.
 */
const char *
wf_quote(const char *text)
{
	size_t		length = strlen(text);

	return length <= LONGEST_QUOTE ? text : wf_quote_part(text, (int) length);
}

/* A copy with nothing but ASCII in it, for any encoding: what else there was is a question mark. */
const char *
wf_quote_plain(const char *text)
{
	char	   *plain = pstrdup(text);

	for (char *at = plain; *at != '\0'; at++)
		if (IS_HIGHBIT_SET(*at))
			*at = '?';
	return plain;
}

/*
 * Add a name to what there is, for a hint: "There are a, b and c." when the last one was
 * added.  list is NULL before the first.
 */
const char *
wf_quote_list(const char *list, const char *name, bool last)
{
	return psprintf("%s%s%s", list == NULL ? "There are " : psprintf("%s%s", list, last ? " and " : ", "),
					name, last ? "." : "");
}
