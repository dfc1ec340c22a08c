/*-------------------------------------------------------------------------
 *
 * json.c
 *	  JSON text as a tree that keeps the order of keys.
 *
 * Pure C.  The parser is PostgreSQL's (common/jsonapi.h).  Its callbacks
 * changed with versions 16 and 17, which nothing outside of this file has to
 * know.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <limits.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

#include "chart/diagnostic.h"
#include "chart/json.h"
#include "chart/json_string.h"
#include "chart/path.h"

/* Semantic actions of the parser return an error code from version 16 on. */
#if PG_VERSION_NUM >= 160000
#define CALLBACK		static JsonParseErrorType
#define CALLBACK_DONE	return JSON_SUCCESS
#else
#define CALLBACK		static void
#define CALLBACK_DONE	return
#endif

/* Digits that a numeric may have, before and behind the decimal point. */
#define MOST_DIGITS_BEFORE	131072
#define MOST_DIGITS_BEHIND	16383

/* A container that is being built. */
typedef struct Frame
{
	WfJson	   *json;
	int			size;			/* of its arrays */
} Frame;

typedef struct Builder
{
	WfFaults   *faults;
	WfJson	   *root;
	int			depth;
	Frame		stack[WF_JSON_MAX_DEPTH + 1];
} Builder;

/*
 * Return the path of the element at which the builder is, `depth` levels
 * deep.
 */
static char *
builder_path(const Builder *builder, int depth)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '$');
	for (int i = 0; i < depth; i++)
	{
		const WfJson *json = builder->stack[i].json;

		if (json->n == 0)
			break;				/* it has no element yet */
		if (json->kind == WF_JSON_OBJECT)
			wf_path_append_key(&buf, json->keys[json->n - 1]);
		else
			appendStringInfo(&buf, "[%d]", json->n - 1);
	}
	return buf.data;
}

/* Put a new value into the innermost container, or make it the root. */
static WfJson *
place(Builder *builder, WfJsonKind kind)
{
	WfJson	   *json = palloc0(sizeof(WfJson));
	WfJson	   *parent;
	Frame	   *frame;

	json->kind = kind;
	if (builder->depth == 0)
	{
		builder->root = json;
		return json;
	}
	frame = &builder->stack[builder->depth - 1];
	parent = frame->json;

	/* field_start() has added the member already */
	if (parent->kind == WF_JSON_OBJECT)
	{
		parent->items[parent->n - 1] = json;
		return json;
	}
	if (parent->n >= frame->size)
	{
		frame->size = frame->size ? frame->size * 2 : 4;
		parent->items = parent->items ?
			repalloc(parent->items, frame->size * sizeof(WfJson *)) :
			palloc(frame->size * sizeof(WfJson *));
	}
	parent->items[parent->n++] = json;
	return json;
}

static void
push(Builder *builder, WfJsonKind kind)
{
	WfJson	   *json = place(builder, kind);

	/* wf_json_parse() has checked the depth */
	Assert(builder->depth <= WF_JSON_MAX_DEPTH);
	builder->stack[builder->depth].json = json;
	builder->stack[builder->depth].size = 0;
	builder->depth++;
}

CALLBACK
object_start(void *state)
{
	push(state, WF_JSON_OBJECT);
	CALLBACK_DONE;
}

CALLBACK
array_start(void *state)
{
	push(state, WF_JSON_ARRAY);
	CALLBACK_DONE;
}

CALLBACK
array_end(void *state)
{
	((Builder *) state)->depth--;
	CALLBACK_DONE;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Report the keys that an object has more than once, each of them once. */
static void
check_duplicates(Builder *builder, const WfJson *json)
{
	const char **sorted;

	if (json->n < 2)
		return;
	sorted = palloc(json->n * sizeof(char *));
	memcpy(sorted, json->keys, json->n * sizeof(char *));
	qsort(sorted, json->n, sizeof(char *), compare_strings);
	for (int i = 1; i < json->n; i++)
	{
		bool		repeats = strcmp(sorted[i - 1], sorted[i]) == 0;
		bool		first = i < 2 || strcmp(sorted[i - 2], sorted[i]) != 0;

		if (repeats && first)
			wf_diagnostic_fault(builder->faults,
								builder_path(builder, builder->depth - 1), NULL,
								"key \"%s\" appears more than once", sorted[i]);
	}
	pfree(sorted);
}

CALLBACK
object_end(void *state)
{
	Builder    *builder = state;

	check_duplicates(builder, builder->stack[builder->depth - 1].json);
	builder->depth--;
	CALLBACK_DONE;
}

CALLBACK
field_start(void *state, char *name, bool isnull)
{
	Builder    *builder = state;
	Frame	   *frame = &builder->stack[builder->depth - 1];
	WfJson	   *json = frame->json;

	(void) isnull;
	if (json->n >= frame->size)
	{
		frame->size = frame->size ? frame->size * 2 : 4;
		if (json->keys == NULL)
		{
			json->keys = palloc(frame->size * sizeof(char *));
			json->items = palloc(frame->size * sizeof(WfJson *));
		}
		else
		{
			json->keys = repalloc(json->keys, frame->size * sizeof(char *));
			json->items = repalloc(json->items,
								   frame->size * sizeof(WfJson *));
		}
	}
	json->keys[json->n] = name;
	json->items[json->n] = NULL;
	json->n++;
	CALLBACK_DONE;
}

/*
 * Can jsonb hold this number?  JSON has no limits, but numeric has: its weight,
 * in groups of four digits, is an int16, and it has 16,383 digits behind the
 * point.  What is stored here and refused there would fail at every start.
 */
static bool
fits_numeric(const char *number)
{
	const char *point;
	const char *first;
	long		exponent = 0;
	long		whole;
	long		behind = 0;
	const char *end;

	number += *number == '-';
	whole = strspn(number, "0123456789");
	end = point = number + whole;
	if (*point == '.')
	{
		behind = strspn(point + 1, "0123456789");
		end = point + 1 + behind;
	}
	if (*end == 'e' || *end == 'E')
		exponent = strtol(end + 1, NULL, 10);
	if (exponent >= INT_MAX / 2 || exponent <= -(INT_MAX / 2) ||
		behind - exponent > MOST_DIGITS_BEHIND)
		return false;

	/* the digits before the point, from the first one that counts */
	first = number + strspn(number, "0.");
	if (first >= end)
		return true;			/* it is zero */
	if (first < point)
		whole = point - first;
	else
		whole = point + 1 - first;
	return whole + exponent <= MOST_DIGITS_BEFORE;
}

CALLBACK
scalar(void *state, char *token, JsonTokenType type)
{
	Builder    *builder = state;
	WfJson	   *json;

	switch (type)
	{
		case JSON_TOKEN_STRING:
			json = place(builder, WF_JSON_STRING);
			break;
		case JSON_TOKEN_NUMBER:
			json = place(builder, WF_JSON_NUMBER);
			if (!fits_numeric(token))
				wf_diagnostic_fault(builder->faults,
									builder_path(builder, builder->depth),
									"Before the point jsonb has room for 131,072 digits, behind it for 16,383.",
									"number %.40s%s is beyond the range of jsonb", token,
									strlen(token) > 40 ? "..." : "");
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			json = place(builder, WF_JSON_BOOL);
			json->boolean = (type == JSON_TOKEN_TRUE);
			break;
		default:
			json = place(builder, WF_JSON_NULL);
			break;
	}
	json->text = token;
	CALLBACK_DONE;
}

/* ----------------------------------------------------------------
 *						The place of an error
 * ----------------------------------------------------------------
 */

/* A container of the text that is open, for wf_json_parse()'s own look at it. */
typedef struct Open
{
	bool		object;
	bool		has_value;		/* behind the colon of a member */
	int			index;			/* of an array's element */
	int			key;			/* where the key begins, behind its quote; -1 */
	int			key_len;
} Open;

/* Return where the string that begins behind a quote ends, at its other quote. */
static int
string_end(const char *text, int len, int at)
{
	while (at < len && text[at] != '"')
		at += text[at] == '\\' ? 2 : 1;
	return Min(at, len);
}

/* Append a key as it is written, with its escapes, as a step of a path. */
static void
append_raw_key(StringInfo buf, const char *key, int len)
{
	if (memchr(key, '\\', len) == NULL)
		wf_path_append_key(buf, psprintf("%.*s", len, key));
	else
		appendStringInfo(buf, "[\"%.*s\"]", len, key);
}

/*
 * Return the path of the member or element at this place of a text, which may
 * not be valid JSON.  The callbacks of the parser come too late to tell it: it
 * reads a token ahead.
 */
static char *
path_of_place(const char *text, int len, int place)
{
	Open	   *stack = palloc((WF_JSON_MAX_DEPTH + 2) * sizeof(Open));
	StringInfoData buf;
	int			depth = 0;

	for (int i = 0; i < len && i <= place; i++)
	{
		Open	   *top = depth > 0 ? &stack[depth - 1] : NULL;
		int			end;

		switch (text[i])
		{
			case '"':
				end = string_end(text, len, i + 1);
				if (top != NULL && top->object && !top->has_value)
				{
					top->key = i + 1;
					top->key_len = end - (i + 1);
				}
				i = end;
				break;
			case '{':
			case '[':
				if (i < place && depth <= WF_JSON_MAX_DEPTH)
					stack[depth++] = (Open) {.object = text[i] == '{',.key = -1};
				break;
			case '}':
			case ']':
				depth -= depth > 0 && i < place;
				break;
			case ':':
				if (top != NULL)
					top->has_value = true;
				break;
			case ',':
				if (top == NULL)
					break;
				top->has_value = false;
				top->key = -1;
				top->index++;
				break;
		}
	}
	initStringInfo(&buf);
	appendStringInfoChar(&buf, '$');
	for (int i = 0; i < depth; i++)
		if (!stack[i].object)
			appendStringInfo(&buf, "[%d]", stack[i].index);
		else if (stack[i].key >= 0)
			append_raw_key(&buf, text + stack[i].key, stack[i].key_len);
	return buf.data;
}

/*
 * Are objects and arrays of a text nested deeper than WF_JSON_MAX_DEPTH?
 * PostgreSQL's parser recurses; in programs it has no limit, and in the server
 * it throws at its limit, so that the depth must be known before.  The result
 * for a text that is not JSON does not matter.
 */
static bool
is_too_deep(const char *text, int len)
{
	int			depth = 0;

	for (int i = 0; i < len; i++)
	{
		char		c = text[i];

		if (c == '"')
			i = string_end(text, len, i + 1);
		else if (c == '{' || c == '[')
		{
			if (++depth > WF_JSON_MAX_DEPTH)
				return true;
		}
		else if (c == '}' || c == ']')
			depth--;
	}
	return false;
}

/* ----------------------------------------------------------------
 *						Parsing
 * ----------------------------------------------------------------
 */

static JsonLexContext *
make_lexer(const char *text, int len, bool unescape)
{
#ifdef FRONTEND
	int			encoding = PG_UTF8;
#else
	int			encoding = GetDatabaseEncoding();
#endif

#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, text, len, encoding, unescape);
#else
	return makeJsonLexContextCstringLen(unconstify(char *, text), len,
										encoding, unescape);
#endif
}

/* Return the parser's message.  Programs have none before version 17. */
static const char *
error_text(JsonParseErrorType error, JsonLexContext *lexer)
{
#if defined(FRONTEND) && PG_VERSION_NUM < 170000
	(void) lexer;
	return psprintf("parser error %d", (int) error);
#else
	return json_errdetail(error, lexer);
#endif
}

/*
 * Parse JSON of len bytes, which need not be terminated and must be in the
 * server's encoding.  Returns NULL, and adds a fault, if the text is not
 * JSON, has a character that text cannot hold, or is nested deeper than
 * WF_JSON_MAX_DEPTH.  Duplicate keys and numbers that jsonb cannot hold are
 * faults too, but then the tree is returned with all of them.  Everything is
 * allocated in the current memory context.
 */
WfJson *
wf_json_parse(const char *text, int len, WfFaults *faults)
{
	Builder    *builder;
	JsonSemAction actions;
	JsonLexContext *lexer;
	JsonParseErrorType error;
	WfJson	   *root;

	if (is_too_deep(text, len))
	{
		wf_diagnostic_fault(faults, "$", NULL, "nested deeper than %d levels",
							WF_JSON_MAX_DEPTH);
		return NULL;
	}

	builder = palloc0(sizeof(Builder));
	builder->faults = faults;
	memset(&actions, 0, sizeof(actions));
	actions.semstate = builder;
	actions.object_start = object_start;
	actions.object_end = object_end;
	actions.array_start = array_start;
	actions.array_end = array_end;
	actions.object_field_start = field_start;
	actions.scalar = scalar;

	lexer = make_lexer(text, len, true);
	error = pg_parse_json(lexer, &actions);
	if (error != JSON_SUCCESS)
	{
		/* there is no token where the text ends too early */
		int			place = lexer->token_start == NULL ? len : (int) (lexer->token_start - text);

		wf_diagnostic_fault(faults, path_of_place(text, len, place), NULL,
							"not valid JSON, line %d: %s", lexer->line_number,
							error_text(error, lexer));
		return NULL;
	}
	root = builder->root;
	pfree(builder);
	return root;
}

/*
 * Return why a cast to json would refuse the text, or NULL: then it may have faults of
 * which wf_json_parse() knows.
 */
char *
wf_json_syntax_error(const char *text, int len)
{
	JsonLexContext *lexer = make_lexer(text, len, false);
	JsonParseErrorType error = pg_parse_json(lexer, &nullSemAction);

	return error == JSON_SUCCESS ? NULL :
		psprintf("line %d: %s", lexer->line_number, error_text(error, lexer));
}

/*
 * Return the value of an object's key, or NULL if the key is absent or the
 * value is not an object.  Of a duplicate key the first one counts.
 */
const WfJson *
wf_json_get(const WfJson *json, const char *key)
{
	if (json->kind != WF_JSON_OBJECT)
		return NULL;
	for (int i = 0; i < json->n; i++)
		if (strcmp(json->keys[i], key) == 0)
			return json->items[i];
	return NULL;
}

/* Return the name of a kind of values, as jsonb_typeof() has it. */
const char *
wf_json_kind_name(WfJsonKind kind)
{
	switch (kind)
	{
		case WF_JSON_NULL:
			return "null";
		case WF_JSON_BOOL:
			return "boolean";
		case WF_JSON_NUMBER:
			return "number";
		case WF_JSON_STRING:
			return "string";
		case WF_JSON_ARRAY:
			return "array";
		case WF_JSON_OBJECT:
			return "object";
	}
	return "unknown";			/* keep compiler quiet */
}

/*
 * Append JSON text without white space; the order of keys is kept, and
 * numbers are written as they were read.
 */
void
wf_json_write(StringInfo buf, const WfJson *json)
{
	switch (json->kind)
	{
		case WF_JSON_NULL:
			appendStringInfoString(buf, "null");
			break;
		case WF_JSON_BOOL:
			appendStringInfoString(buf, json->boolean ? "true" : "false");
			break;
		case WF_JSON_NUMBER:
			appendStringInfoString(buf, json->text);
			break;
		case WF_JSON_STRING:
			wf_json_string_write(buf, json->text);
			break;
		case WF_JSON_ARRAY:
			appendStringInfoChar(buf, '[');
			for (int i = 0; i < json->n; i++)
			{
				if (i > 0)
					appendStringInfoChar(buf, ',');
				wf_json_write(buf, json->items[i]);
			}
			appendStringInfoChar(buf, ']');
			break;
		case WF_JSON_OBJECT:
			appendStringInfoChar(buf, '{');
			for (int i = 0; i < json->n; i++)
			{
				if (i > 0)
					appendStringInfoChar(buf, ',');
				wf_json_string_write(buf, json->keys[i]);
				appendStringInfoChar(buf, ':');
				wf_json_write(buf, json->items[i]);
			}
			appendStringInfoChar(buf, '}');
			break;
	}
}

/*
 * Return a tree as JSON text, as wf_json_write() writes it, in the current
 * memory context.
 */
char *
wf_json_text(const WfJson *json)
{
	StringInfoData buf;

	initStringInfo(&buf);
	wf_json_write(&buf, json);
	return buf.data;
}
