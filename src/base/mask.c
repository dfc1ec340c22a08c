/*-------------------------------------------------------------------------
 *
 * mask.c
 *	  Values that are hidden: in documents, and in texts that may quote them.
 *
 * Runs in any process.  A mask has JSON pointers (RFC 6901), in which "*" stands for
 * any member or element, and knows the values which those have led to in the
 * documents that it was shown: the secrets.  It hides what a pointer leads to, and a
 * secret wherever else it stands, in messages too.  A secret is a string or number of
 * at least four characters: to hide every "1" would say more than it hides.
 *
 * Everything is in the memory context that was current when it was made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "base/array.h"
#include "base/mask.h"

/* In characters. */
#define SHORTEST_SECRET	4

/*
 * Messages cut what they quote.  Of a longer secret so many bytes at the beginning
 * are one, too.
 */
#define QUOTED			40

/* A pointer: the names on its way. */
typedef struct Way
{
	int			n;
	char	  **names;
} Way;

struct WfMask
{
	int			npointers;
	Way		   *pointers;
	int			nsecrets;
	int			secrets_size;
	char	  **secrets;
	bool		sorted;			/* the longest first */
};

/*
 * Where in a document a walk is: for each pointer, how many of its names have led
 * here; -1: it leads elsewhere.
 */
typedef int Place;

/* --- pointers ------------------------------------------------------------- */

/* Take a pointer apart. */
static void
parse(Way *pointer, const char *text)
{
	/* each name ends where a slash was, or the text */
	char	   *to = palloc(strlen(text) + 1);

	pointer->n = 0;
	pointer->names = palloc(sizeof(char *) * (strlen(text) + 1));
	while (*text == '/')
	{
		pointer->names[pointer->n++] = to;
		for (text++; *text != '\0' && *text != '/'; text++)
		{
			if (text[0] == '~' && (text[1] == '0' || text[1] == '1'))
				*to++ = *++text == '0' ? '~' : '/';
			else
				*to++ = *text;
		}
		*to++ = '\0';
	}
}

/* Make a mask of n pointers, of at least one name each. */
WfMask *
wf_mask_new(int n, const char *const *pointers)
{
	WfMask	   *mask = palloc0(sizeof(WfMask));

	mask->npointers = n;
	mask->pointers = palloc(sizeof(Way) * (n + 1));
	for (int i = 0; i < n; i++)
		parse(&mask->pointers[i], pointers[i]);
	return mask;
}

/* The place at which a walk begins. */
static Place *
at_root(const WfMask *mask)
{
	return palloc0(sizeof(Place) * (mask->npointers + 1));
}

/*
 * From a place one step further, to a member or, key NULL, to an element.  *hit: a
 * pointer ends there.  NULL: no pointer leads there.
 */
static Place *
step_to(const WfMask *mask, const Place *from, const char *key, int len, int index, bool *hit)
{
	Place	   *to = NULL;
	char		number[12];

	*hit = false;
	if (from == NULL)
		return NULL;
	if (key == NULL)
	{
		len = snprintf(number, sizeof(number), "%d", index);
		key = number;
	}
	for (int i = 0; i < mask->npointers; i++)
	{
		const Way  *pointer = &mask->pointers[i];
		const char *name;

		if (from[i] < 0 || from[i] >= pointer->n)
			continue;
		name = pointer->names[from[i]];
		if (strcmp(name, "*") != 0 && ((int) strlen(name) != len || memcmp(name, key, len) != 0))
			continue;
		if (to == NULL)
		{
			to = palloc(sizeof(Place) * (mask->npointers + 1));
			for (int j = 0; j < mask->npointers; j++)
				to[j] = -1;
		}
		to[i] = from[i] + 1;
		*hit |= to[i] == pointer->n;
	}
	return to;
}

/* --- secrets -------------------------------------------------------------- */

/* The text of a string or number, else NULL. */
static char *
text_of(const JsonbValue *value)
{
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	return NULL;
}

/* Are there characters that JSON escapes? */
static bool
is_escaped(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char) *text < ' ' || *text == '"' || *text == '\\')
			return true;
	return false;
}

static void
add_text(WfMask *mask, char *text)
{
	int			len = strlen(text);

	if (pg_mbstrlen_with_len(text, len) < SHORTEST_SECRET)
		return;
	*wf_array_grow(mask->secrets, mask->nsecrets, mask->secrets_size) = text;
	if (len > QUOTED)
		*wf_array_grow(mask->secrets, mask->nsecrets, mask->secrets_size) =
			pnstrdup(text, pg_mbcliplen(text, len, QUOTED));
	mask->sorted = false;
}

/* A secret is one also as JSON writes it, with what that escapes: keys of several lines, say. */
static void
add_secret(WfMask *mask, char *text)
{
	StringInfoData json;

	add_text(mask, text);
	if (!is_escaped(text))
		return;
	initStringInfo(&json);
	escape_json(&json, text);
	add_text(mask, pnstrdup(json.data + 1, json.len - 2));
}

/* Learn what is in a container, at a place; hidden: all of it is secret. */
static void
learn(WfMask *mask, JsonbContainer *container, const Place *place, bool hidden)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	JsonbValue	key = {0};
	int			index = 0;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	token = JsonbIteratorNext(&it, &value, false);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		bool		hit;
		Place	   *to;
		char	   *text;

		if (token == WJB_KEY)
			key = value;
		if (token != WJB_VALUE && token != WJB_ELEM)
			continue;
		to = token == WJB_VALUE ?
			step_to(mask, place, key.val.string.val, key.val.string.len, 0, &hit) :
			step_to(mask, place, NULL, 0, index++, &hit);
		if (value.type == jbvBinary && (hidden || to != NULL))
			learn(mask, value.val.binary.data, to, hidden || hit);
		else if ((hidden || hit) && (text = text_of(&value)) != NULL)
			add_secret(mask, text);
	}
}

/* Show a mask a document: what its pointers lead to there is secret. */
void
wf_mask_learn(WfMask *mask, Jsonb *truth)
{
	learn(mask, &truth->root, at_root(mask), false);
}

static int
compare_lengths(const void *a, const void *b)
{
	size_t		x = strlen(*(char *const *) a);
	size_t		y = strlen(*(char *const *) b);

	return x > y ? -1 : x < y;
}

/* One that contains another one comes first. */
static void
sort_secrets(WfMask *mask)
{
	if (!mask->sorted && mask->nsecrets > 1)
		qsort(mask->secrets, mask->nsecrets, sizeof(char *), compare_lengths);
	mask->sorted = true;
}

/* The secret that a text begins with, or NULL. */
static const char *
secret_at(const WfMask *mask, const char *text)
{
	for (int i = 0; i < mask->nsecrets; i++)
		if (text[0] == mask->secrets[i][0] &&
			strncmp(text, mask->secrets[i], strlen(mask->secrets[i])) == 0)
			return mask->secrets[i];
	return NULL;
}

/* Return a text with all secrets in it hidden. */
char *
wf_mask_text(WfMask *mask, const char *text)
{
	StringInfoData buf;

	sort_secrets(mask);
	initStringInfo(&buf);
	for (int n = 0; *text != '\0'; n++)
	{
		const char *secret = secret_at(mask, text);
		int			len = secret != NULL ? (int) strlen(secret) : pg_mblen(text);

		if (n % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (secret != NULL)
			appendStringInfoString(&buf, WF_MASKED);
		else
			appendBinaryStringInfo(&buf, text, len);
		text += len;
	}
	return buf.data;
}

/* --- documents ------------------------------------------------------------ */

/* What stands for a value: itself, unless it is or quotes a secret. */
static void
replace(WfMask *mask, JsonbValue *value, bool hit)
{
	char	   *text;

	if (value->type == jbvNull)
		return;
	if (!hit)
	{
		text = mask->nsecrets == 0 ? NULL : text_of(value);
		if (text == NULL)
			return;
		text = wf_mask_text(mask, text);
		if (value->type == jbvNumeric && strcmp(text, WF_MASKED) != 0)
			return;
	}
	else
		text = WF_MASKED;
	value->type = jbvString;
	value->val.string.val = text;
	value->val.string.len = strlen(text);
}

/* Push a container, with what is hidden in it replaced. */
static JsonbValue *
copy(WfMask *mask, JsonbParseState **state, JsonbContainer *container, const Place *place)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	JsonbValue	key = {0};
	JsonbValue *result = NULL;
	int			index = 0;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		bool		hit;
		const Place *to;

		if (token == WJB_KEY)
			key = value;
		if (token != WJB_VALUE && token != WJB_ELEM)
		{
			/* whether it is a lone scalar is told at the beginning */
			result = pushJsonbValue(state, token, token == WJB_KEY || token == WJB_BEGIN_ARRAY ? &value : NULL);
			continue;
		}
		to = token == WJB_VALUE ?
			step_to(mask, place, key.val.string.val, key.val.string.len, 0, &hit) :
			step_to(mask, place, NULL, 0, index++, &hit);
		if (value.type == jbvBinary && !hit && (to != NULL || mask->nsecrets > 0))
		{
			(void) copy(mask, state, value.val.binary.data, to);
			continue;
		}
		replace(mask, &value, hit);
		result = pushJsonbValue(state, token, &value);
	}
	return result;
}

/* Return a document with what is hidden in it replaced. */
Jsonb *
wf_mask_document(WfMask *mask, Jsonb *document)
{
	JsonbParseState *state = NULL;

	sort_secrets(mask);
	return JsonbValueToJsonb(copy(mask, &state, &document->root,
								  JB_ROOT_IS_SCALAR(document) ? NULL : at_root(mask)));
}
