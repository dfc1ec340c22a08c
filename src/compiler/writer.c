/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  JSON text, written member by member.
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

/* JSON: commas come by themselves; members with NULL are left out. */
void
wf_writer_comma(WfWriter *w)
{
	char		last = w->buf.data[w->buf.len - 1];

	if (last != '{' && last != '[' && last != ':')
		appendStringInfoChar(&w->buf, ',');
}

void
wf_writer_key(WfWriter *w, const char *name)
{
	WF_MAY_BE_CANCELLED();
	wf_writer_comma(w);
	wf_json_string_write(&w->buf, name);
	appendStringInfoChar(&w->buf, ':');
}

void
wf_writer_begin(WfWriter *w, char bracket)
{
	if (w->buf.len > 0)
		wf_writer_comma(w);
	appendStringInfoChar(&w->buf, bracket);
}

void
wf_writer_end(WfWriter *w, char bracket)
{
	appendStringInfoChar(&w->buf, bracket);
}

void
wf_writer_text(WfWriter *w, const char *text)
{
	wf_writer_comma(w);
	wf_json_string_write(&w->buf, text);
}

/* JSON text as it is. */
void
wf_writer_raw(WfWriter *w, const char *text)
{
	wf_writer_comma(w);
	appendStringInfoString(&w->buf, text);
}

void
wf_writer_text_member(WfWriter *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	wf_writer_key(w, name);
	wf_writer_text(w, text);
}

void
wf_writer_raw_member(WfWriter *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	wf_writer_key(w, name);
	wf_writer_raw(w, text);
}

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
