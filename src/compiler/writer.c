/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  JSON text, written member by member.
 *
 * Pure C.  Commas are inserted where they are needed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/diagnostic.h"
#include "chart/json_string.h"
#include "compiler/writer.h"

/* Append a comma, unless nothing precedes in the object or the list. */
void
wf_writer_comma(WfWriter *w)
{
	char		last = w->buf.data[w->buf.len - 1];

	if (last != '{' && last != '[' && last != ':')
		appendStringInfoChar(&w->buf, ',');
}

/*
 * Append a key and its colon; the value must follow.  A user can cancel
 * here.
 */
void
wf_writer_key(WfWriter *w, const char *name)
{
	WF_MAY_BE_CANCELLED();
	wf_writer_comma(w);
	wf_json_string_write(&w->buf, name);
	appendStringInfoChar(&w->buf, ':');
}

/* Begin an object or a list, with '{' or '['. */
void
wf_writer_begin(WfWriter *w, char bracket)
{
	if (w->buf.len > 0)
		wf_writer_comma(w);
	appendStringInfoChar(&w->buf, bracket);
}

/* End an object or a list, with '}' or ']'. */
void
wf_writer_end(WfWriter *w, char bracket)
{
	appendStringInfoChar(&w->buf, bracket);
}

/* Append a string. */
void
wf_writer_text(WfWriter *w, const char *text)
{
	wf_writer_comma(w);
	wf_json_string_write(&w->buf, text);
}

/* Append JSON text as it is. */
void
wf_writer_raw(WfWriter *w, const char *text)
{
	wf_writer_comma(w);
	appendStringInfoString(&w->buf, text);
}

/* Append a member that is a string, unless it is NULL. */
void
wf_writer_text_member(WfWriter *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	wf_writer_key(w, name);
	wf_writer_text(w, text);
}

/* Append a member whose value is JSON text, unless it is NULL. */
void
wf_writer_raw_member(WfWriter *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	wf_writer_key(w, name);
	wf_writer_raw(w, text);
}

/* Append a member that is a list of n strings, unless n is 0. */
void
wf_writer_texts_member(WfWriter *w, const char *name, const char **strings, int n)
{
	if (n == 0)
		return;
	wf_writer_key(w, name);
	wf_writer_begin(w, '[');
	for (int i = 0; i < n; i++)
		wf_writer_text(w, strings[i]);
	wf_writer_end(w, ']');
}
