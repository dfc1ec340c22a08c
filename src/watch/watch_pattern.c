/*-------------------------------------------------------------------------
 *
 * watch_pattern.c
 *	  Patterns of names of files.
 *
 * Pure C.  "*" stands for any characters, or none, "?" for one; all others for themselves.
 * As in a shell, a dot at the beginning of a name is only matched by a dot: names of files
 * that are still being written often begin so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "watch/watch_pattern.h"

/* Does a name fit a pattern?  Both are in UTF-8.  Takes no longer than the product of their lengths. */
bool
wf_watch_pattern_matches(const char *pattern, const char *name)
{
	const char *after_star = NULL;	/* in the pattern */
	const char *from = NULL;	/* what the last star has not taken yet */

	if (name[0] == '.' && pattern[0] != '.')
		return false;
	while (*name != '\0')
	{
		if (*pattern == '*')
		{
			after_star = ++pattern;
			from = name;
		}
		else if (*pattern == '?')
		{
			pattern++;
			name += pg_utf_mblen((const unsigned char *) name);
		}
		else if (*pattern == *name)
		{
			pattern++;
			name++;
		}
		else if (after_star != NULL)
		{
			/* the star takes one character more */
			from += pg_utf_mblen((const unsigned char *) from);
			pattern = after_star;
			name = from;
		}
		else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
