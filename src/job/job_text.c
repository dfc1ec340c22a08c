/*-------------------------------------------------------------------------
 *
 * job_text.c
 *	  The text of a statement with parameters by name.
 *
 * Runs in sessions that call create_job(); pure but for errors.  Where a $name is
 * one is left to the server's own scanner, which knows strings, quoted identifiers,
 * $tag$ bodies, and comments.  To it a $ that begins none of them is a character
 * of its own, and what follows at once is a word.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "parser/scanner.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/quote.h"
#include "job/job_text.h"

/* Can this be in the name of a parameter? */
static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || IS_HIGHBIT_SET(c);
}

/* The number of a name, from 1; a new one is added. */
static int
number_of(List **names, const char *name)
{
	ListCell   *cell;

	foreach(cell, *names)
		if (strcmp(lfirst(cell), name) == 0)
			return foreach_current_index(cell) + 1;
	*names = lappend(*names, unconstify(char *, name));
	return list_length(*names);
}

pg_noreturn static void
refuse_number(const char *place)
{
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("the command of a job has parameters by name, not by number"),
			 errdetail("It has %s.", wf_quote_part(place, strspn(place + 1, "0123456789") + 1)),
			 errhint("Write $name.")));
}

/*
 * A statement in which each $name is $1, $2, ... instead; *names: what they stand
 * for, in that order.  In the current memory context.  Error 42601 for parameters
 * by number, and what the scanner throws.
 */
char *
wf_job_text_bind(const char *text, List **names)
{
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		at = 0;
	core_yyscan_t scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	StringInfoData buf;
	const char *copied = text;

	*names = NIL;
	initStringInfo(&buf);
	while (core_yylex(&value, &at, scanner) != 0)
	{
		const char *place = text + at;
		int			len = 0;

		if (*place != '$')
			continue;
		if (place[1] >= '0' && place[1] <= '9')
			refuse_number(place);
		while (is_name_character(place[1 + len]))
			len++;
		/* "$tag$" begins a string, which the scanner has read as a whole */
		if (len == 0 || place[1 + len] == '$')
			continue;
		appendBinaryStringInfo(&buf, copied, place - copied);
		appendStringInfo(&buf, "$%d", number_of(names, pnstrdup(place + 1, len)));
		copied = place + 1 + len;
	}
	scanner_finish(scanner);
	appendStringInfoString(&buf, copied);
	return buf.data;
}
