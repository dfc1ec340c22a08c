/*-------------------------------------------------------------------------
 *
 * diagram_text.c
 *	  What the author has written, on one line of a diagram.
 *
 * Pure C.  Names, expressions, guards and actions, shortened where they are long; for
 * diagram_label.c, which decides where they stand.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "inspect/diagram_text.h"

/* In bytes.  Longer expressions, parameters and names are cut off. */
#define LONGEST_PIECE	60

/* The same of descriptions, which are written to be read. */
#define LONGEST_DESCRIPTION	160

/*
 * Append a text of the author's on one line.  Beyond `longest` bytes it is cut
 * off before an ASCII character only, which is the first byte of a character in
 * every encoding that a server has.
 */
static void
put_line(StringInfo buf, const char *text, int longest)
{
	int			len = 0;
	bool		space = false;

	for (; *text; text++)
	{
		unsigned char c = *text;

		if (len >= longest && c < 0x80)
		{
			appendStringInfoString(buf, "...");
			return;
		}
		if (c <= ' ' || c == 0x7f)
		{
			space = len > 0;
			continue;
		}
		if (space)
			appendStringInfoChar(buf, ' ');
		space = false;
		appendStringInfoChar(buf, c);
		len++;
	}
}

/* Append a name or an expression of the author's, cut off where it is long. */
void
wf_diagram_text_piece(StringInfo buf, const char *text)
{
	put_line(buf, text, LONGEST_PIECE);
}

/* The same of a description, which is written to be read. */
void
wf_diagram_text_description(StringInfo buf, const char *text)
{
	put_line(buf, text, LONGEST_DESCRIPTION);
}

/* Has a description, which may be NULL, anything to show? */
bool
wf_diagram_text_has_words(const char *text)
{
	for (; text != NULL && *text; text++)
		if ((unsigned char) *text > ' ' && *text != 0x7f)
			return true;
	return false;
}

static void
put_expr(StringInfo buf, const WfExpr *expr)
{
	wf_diagram_text_piece(buf, expr->text);
	if (expr->is_function && expr->params != NULL)
	{
		appendStringInfoChar(buf, '(');
		wf_diagram_text_piece(buf, expr->params);
		appendStringInfoChar(buf, ')');
	}
}

/* Append a value; a plain string without its quotes. */
static void
put_value(StringInfo buf, const WfValue *value)
{
	int			len;

	if (value->kind == WF_VALUE_EXPR)
	{
		put_expr(buf, value->expr);
		return;
	}
	if (value->kind != WF_VALUE_CONST)
	{
		appendStringInfoString(buf, "...");
		return;
	}
	len = strlen(value->text);
	if (value->text[0] == '"' && strchr(value->text, '\\') == NULL)
		wf_diagram_text_piece(buf, pnstrdup(value->text + 1, len - 2));
	else
		wf_diagram_text_piece(buf, value->text);
}

static void
put_guard(StringInfo buf, const WfChart *chart, const WfGuard *guard,
		  bool inner)
{
	bool		several = guard->nparts > 1;

	switch (guard->kind)
	{
		case WF_GUARD_EXPR:
			put_expr(buf, guard->expr);
			return;
		case WF_GUARD_IN_STATE:
			appendStringInfoString(buf, "in ");
			wf_diagram_text_piece(buf, chart->states[guard->state].name);
			return;
		case WF_GUARD_NOT:
			appendStringInfoString(buf, "not ");
			put_guard(buf, chart, guard->parts[0], true);
			return;
		default:
			break;
	}
	if (guard->nparts == 0)
		appendStringInfoString(buf, guard->kind == WF_GUARD_AND ?
							   "true" : "false");
	if (several && inner)
		appendStringInfoChar(buf, '(');
	for (int i = 0; i < guard->nparts; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, guard->kind == WF_GUARD_AND ?
								   " and " : " or ");
		put_guard(buf, chart, guard->parts[i], true);
	}
	if (several && inner)
		appendStringInfoChar(buf, ')');
}

/* Append a guard as the author would say it. */
void
wf_diagram_text_guard(StringInfo buf, const WfChart *chart, const WfGuard *guard)
{
	put_guard(buf, chart, guard, false);
}

static void
put_delay(StringInfo buf, const WfDelay *delay)
{
	if (delay == NULL || delay->kind == WF_DELAY_NONE)
		return;
	appendStringInfoString(buf, " after ");
	if (delay->name != NULL)
		wf_diagram_text_piece(buf, delay->name);
	else if (delay->kind == WF_DELAY_MS)
		appendStringInfo(buf, INT64_FORMAT " ms", delay->ms);
	else if (delay->kind == WF_DELAY_TEXT)
		wf_diagram_text_piece(buf, delay->text);
	else if (delay->kind == WF_DELAY_WORKING)
	{
		wf_diagram_text_piece(buf, delay->text);
		appendStringInfoString(buf, " of ");
		wf_diagram_text_piece(buf, delay->calendar);
	}
	else if (delay->kind == WF_DELAY_RECURRING)
		wf_diagram_text_piece(buf, delay->recurring->cron != NULL ? delay->recurring->cron :
				  delay->recurring->rule != NULL ? delay->recurring->rule : delay->recurring->every);
	else if (delay->kind == WF_DELAY_EXPR)
		put_expr(buf, delay->expr);
	else
		appendStringInfoString(buf, "never");
}

static void
put_action(StringInfo buf, const WfAction *action)
{
	switch (action->kind)
	{
		case WF_ACTION_CALL:
			put_expr(buf, action->expr);
			break;
		case WF_ACTION_ASSIGN:
			appendStringInfoString(buf, "assign ");
			if (action->expr != NULL)
				put_expr(buf, action->expr);
			for (int i = 0; i < action->nkeys; i++)
			{
				if (i > 0)
					appendStringInfoString(buf, ", ");
				wf_diagram_text_piece(buf, action->keys[i]);
			}
			break;
		case WF_ACTION_RAISE:
		case WF_ACTION_SEND:
			appendStringInfoString(buf, action->kind == WF_ACTION_RAISE ?
								   "raise " : "send ");
			put_value(buf, action->event_type);
			if (action->target != NULL)
			{
				appendStringInfoString(buf, " to ");
				put_value(buf, action->target);
			}
			put_delay(buf, action->delay);
			break;
		case WF_ACTION_CANCEL:
			appendStringInfoString(buf, "cancel ");
			put_value(buf, action->send_id);
			break;
		case WF_ACTION_LOG:
			appendStringInfoString(buf, "log ");
			if (action->label != NULL)
				wf_diagram_text_piece(buf, action->label);
			else
				put_value(buf, action->event_data);
			break;
		case WF_ACTION_CHOOSE:
			appendStringInfoString(buf, "choose ...");
			break;
		case WF_ACTION_FOREACH:
			appendStringInfoString(buf, "foreach ");
			wf_diagram_text_piece(buf, action->item);
			appendStringInfoString(buf, " ...");
			break;
	}
}

/* Append " / first, second", or nothing where there are no actions. */
void
wf_diagram_text_actions(StringInfo buf, const WfActionList *actions)
{
	if (actions->n == 0)
		return;
	appendStringInfoString(buf, " / ");
	for (int i = 0; i < actions->n; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, ", ");
		put_action(buf, actions->items[i]);
	}
}

/* Append whom a value names, as far as that is written down. */
void
wf_diagram_text_people(StringInfo buf, const WfValue *value)
{
	if (value->kind == WF_VALUE_EXPR)
		wf_diagram_text_piece(buf, value->expr->text);
	else if (value->kind == WF_VALUE_CONST)
	{
		StringInfoData names;

		/* a string, or an array of them: without quotes and brackets */
		initStringInfo(&names);
		for (const char *c = value->text; *c; c++)
			if (*c == ',')
				appendStringInfoString(&names, ", ");
			else if (strchr("[]\"", *c) == NULL)
				appendStringInfoChar(&names, *c);
		wf_diagram_text_piece(buf, names.data);
	}
	for (int i = 0; i < value->nparts; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, ", ");
		wf_diagram_text_people(buf, value->parts[i]);
	}
}
