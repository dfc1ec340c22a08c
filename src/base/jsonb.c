/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  Operations on jsonb values that the server has no function for.
 *
 * Runs in any backend.  Objects are merged and written by their binary form,
 * without JsonbParseState, because every step builds a few of them.  All
 * results are allocated in the current memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/jsonb.h"

/* Describe a whole jsonb as a value that pushJsonbValue() accepts anywhere. */
static void
root_value(JsonbValue *value, Jsonb *jsonb)
{
	if (JB_ROOT_IS_SCALAR(jsonb))
		(void) JsonbExtractScalar(&jsonb->root, value);
	else
	{
		value->type = jbvBinary;
		value->val.binary.data = &jsonb->root;
		value->val.binary.len = VARSIZE_ANY_EXHDR(jsonb);
	}
}

/* Return an array of n values, none of which may be NULL. */
Jsonb *
wf_jsonb_array(int n, Jsonb **values)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		JsonbValue	value;

		root_value(&value, values[i]);
		pushJsonbValue(&state, WJB_ELEM, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/*
 * Return a numeric, text or boolean datum of that type as jsonb.  Any other
 * type must be jsonb and is returned as it is, detoasted.  NaN and infinity
 * become strings, as to_jsonb() makes them.
 */
Jsonb *
wf_jsonb_scalar(Datum datum, Oid type)
{
	JsonbValue	value;
	text	   *string;

	switch (type)
	{
		case NUMERICOID:
			/* JSON has no such numbers. */
			if (numeric_is_nan(DatumGetNumeric(datum)) ||
				numeric_is_inf(DatumGetNumeric(datum)))
				return wf_jsonb_string(OidOutputFunctionCall(F_NUMERIC_OUT, datum));
			value.type = jbvNumeric;
			value.val.numeric = DatumGetNumeric(datum);
			break;
		case BOOLOID:
			value.type = jbvBool;
			value.val.boolean = DatumGetBool(datum);
			break;
		case TEXTOID:
			string = DatumGetTextPP(datum);
			value.type = jbvString;
			value.val.string.val = VARDATA_ANY(string);
			value.val.string.len = VARSIZE_ANY_EXHDR(string);
			break;
		default:
			return DatumGetJsonbP(datum);
	}
	return JsonbValueToJsonb(&value);
}

/* Parse JSON text.  Throws the errors of jsonb_in(). */
Jsonb *
wf_jsonb_parse(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

/*
 * Return the text of a jsonb that is a string, or NULL if it is anything
 * else.
 */
char *
wf_jsonb_text(Jsonb *jsonb)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_SCALAR(jsonb))
		return NULL;
	(void) JsonbExtractScalar(&jsonb->root, &value);
	if (value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* A member of an object, in place: key and value point into the jsonb. */
typedef struct Member
{
	const char *key;
	uint32		keylen;
	uint32		type;			/* of the value's entry */
	const char *value;			/* without padding */
	uint32		len;
	int			number;			/* place among those that are sorted */
} Member;

/* So many are sorted by insertion. */
#define FEW_MEMBERS		16

static bool
is_aligned(uint32 type)
{
	return type == JENTRY_ISNUMERIC || type == JENTRY_ISCONTAINER;
}

/*
 * Read the value of an entry, whose data begin at *offset from base, and
 * advance *offset behind it.
 */
static void
read_value(Member *member, JEntry entry, const char *base, uint32 *offset)
{
	uint32		start = *offset;

	JBE_ADVANCE_OFFSET(*offset, entry);
	member->type = entry & JENTRY_TYPEMASK;
	if (is_aligned(member->type))
		start = INTALIGN(start);
	member->value = base + start;
	member->len = *offset - start;
}

/*
 * Return the members of an object, in jsonb's order of keys; *count is their
 * number.  Error 22023 if it is not an object.
 */
static Member *
read_members(const Jsonb *jsonb, int *count)
{
	const JsonbContainer *object = &jsonb->root;
	int			n = JsonContainerSize(object);
	const char *base = (const char *) &object->children[2 * n];
	Member	   *members;
	uint32		offset = 0;

	if (!JsonContainerIsObject(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a context must be a JSON object")));
	members = palloc(sizeof(Member) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		members[i].key = base + offset;
		members[i].keylen = offset;
		JBE_ADVANCE_OFFSET(offset, object->children[i]);
		members[i].keylen = offset - members[i].keylen;
	}
	for (int i = 0; i < n; i++)
		read_value(&members[i], object->children[n + i], base, &offset);
	*count = n;
	return members;
}

static int
compare_keys(const void *a, const void *b)
{
	const Member *left = a;
	const Member *right = b;

	if (left->keylen != right->keylen)
		return left->keylen > right->keylen ? 1 : -1;
	return memcmp(left->key, right->key, left->keylen);
}

/*
 * Make the entry of child i, whose data are len bytes and end at `end`.
 * Every JB_OFFSET_STRIDE-th entry has an offset instead of a length.
 */
static JEntry
entry_of(int i, uint32 type, Size len, Size end)
{
	if (end > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("total size of jsonb object elements exceeds the maximum of %u bytes",
						JENTRY_OFFLENMASK)));
	if (i % JB_OFFSET_STRIDE == 0)
		return type | JENTRY_HAS_OFF | (uint32) end;
	return type | (uint32) len;
}

/*
 * Write an object.  The members must be in jsonb's order of keys, each key
 * once.
 */
static Jsonb *
write_members(int n, const Member *members)
{
	Size		head = offsetof(JsonbContainer, children) + sizeof(JEntry) * 2 * (Size) n;
	Size		size = VARHDRSZ + head;
	Size		end = 0;
	Jsonb	   *jsonb;
	char	   *base;

	for (int i = 0; i < n; i++)
		size += (Size) members[i].keylen + members[i].len + sizeof(int32);
	jsonb = palloc(size);
	jsonb->root.header = n | JB_FOBJECT;
	base = (char *) &jsonb->root + head;
	for (int i = 0; i < n; i++)
	{
		memcpy(base + end, members[i].key, members[i].keylen);
		end += members[i].keylen;
		jsonb->root.children[i] = entry_of(i, JENTRY_ISSTRING, members[i].keylen, end);
	}
	for (int i = 0; i < n; i++)
	{
		Size		padding = is_aligned(members[i].type) ? INTALIGN(end) - end : 0;

		memset(base + end, 0, padding);
		end += padding;
		memcpy(base + end, members[i].value, members[i].len);
		end += members[i].len;
		jsonb->root.children[n + i] = entry_of(n + i, members[i].type,
											   padding + members[i].len, end);
	}
	SET_VARSIZE(jsonb, VARHDRSZ + head + end);
	return jsonb;
}

/*
 * Return base with the members of overlay added; of a key that both have,
 * the value in overlay wins.  Error 22023 if one of them is not an object.
 */
Jsonb *
wf_jsonb_merge(Jsonb *base, Jsonb *overlay)
{
	int			nbase;
	int			noverlay;
	Member	   *old = read_members(base, &nbase);
	Member	   *new = read_members(overlay, &noverlay);
	Member	   *all = palloc(sizeof(Member) * ((Size) nbase + noverlay + 1));
	Jsonb	   *result;
	int			i = 0;
	int			j = 0;
	int			n = 0;

	while (i < nbase || j < noverlay)
	{
		int			order = i == nbase ? 1 : j == noverlay ? -1 :
			compare_keys(&old[i], &new[j]);

		all[n++] = order < 0 ? old[i] : new[j];
		if (order <= 0)
			i++;
		if (order >= 0)
			j++;
	}
	result = write_members(n, all);
	pfree(old);
	pfree(new);
	pfree(all);
	return result;
}

/* Order members by key, and of the same key the earlier one first. */
static int
compare_members(const void *a, const void *b)
{
	int			order = compare_keys(a, b);
	const Member *left = a;
	const Member *right = b;

	return order != 0 ? order : left->number - right->number;
}

/* Sort members and keep the last one of each key.  Returns their number. */
static int
sort_members(Member *members, int n)
{
	int			count = 0;

	qsort(members, n, sizeof(Member), compare_members);
	for (int i = 0; i < n; i++)
	{
		if (count > 0 && compare_keys(&members[count - 1], &members[i]) == 0)
			count--;
		members[count++] = members[i];
	}
	return count;
}

/*
 * Insert a member into n sorted ones; of the same key the new one is kept.
 * Returns their number.
 */
static int
insert_member(Member *members, int n, const Member *member)
{
	int			at;

	for (at = n; at > 0; at--)
		if (compare_keys(&members[at - 1], member) <= 0)
			break;
	if (at > 0 && compare_keys(&members[at - 1], member) == 0)
	{
		members[at - 1] = *member;
		return n;
	}
	memmove(&members[at + 1], &members[at], sizeof(Member) * (n - at));
	members[at] = *member;
	return n + 1;
}

/*
 * Return the object {keys[0]: values[0], ...} of up to n members.  A member
 * whose value is NULL is left out; of a key that is given twice, the later
 * value wins.
 */
Jsonb *
wf_jsonb_object(int n, const char **keys, Jsonb **values)
{
	Member	   *members = palloc(sizeof(Member) * (n + 1));
	Jsonb	   *result;
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		Member		member = {.key = keys[i],.keylen = strlen(keys[i]),.number = i};
		uint32		offset = 0;

		if (values[i] == NULL)
			continue;
		if (JB_ROOT_IS_SCALAR(values[i]))
			read_value(&member, values[i]->root.children[0],
					   (const char *) &values[i]->root.children[1], &offset);
		else
		{
			member.type = JENTRY_ISCONTAINER;
			member.value = (const char *) &values[i]->root;
			member.len = VARSIZE(values[i]) - VARHDRSZ;
		}

		/* Most objects of ours have few members, some one for each state. */
		if (n <= FEW_MEMBERS)
			count = insert_member(members, count, &member);
		else
			members[count++] = member;
	}
	if (n > FEW_MEMBERS)
		count = sort_members(members, count);
	result = write_members(count, members);
	pfree(members);
	return result;
}

/*
 * The value that a member of an object gets by a merge patch: an object is a patch
 * of what is there, everything else takes its place.
 */
static Jsonb *
patched_member(Jsonb *base, const char *key, JsonbValue *value)
{
	JsonbValue	buffer;
	JsonbValue *before;
	Jsonb	   *patch = JsonbValueToJsonb(value);

	if (!JB_ROOT_IS_OBJECT(patch))
		return patch;
	before = !JB_ROOT_IS_OBJECT(base) ? NULL :
		 getKeyJsonValueFromContainer(&base->root, key, strlen(key), &buffer);
	if (before == NULL || before->type != jbvBinary ||
		!JsonContainerIsObject(before->val.binary.data))
		return wf_jsonb_patch(wf_jsonb_object(0, NULL, NULL), patch);
	return wf_jsonb_patch(JsonbValueToJsonb(before), patch);
}

/*
 * Return an object (anything else counts as an empty one) with a merge patch (RFC
 * 7396), another object, applied to it:
 * members of the patch that are null are removed, objects are patches of the
 * members with that name, all others take their place.
 */
Jsonb *
wf_jsonb_patch(Jsonb *base, Jsonb *patch)
{
	const char **keys = palloc(sizeof(char *) * (JB_ROOT_COUNT(patch) + 1));
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (JB_ROOT_COUNT(patch) + 1));
	JsonbIterator *it = JsonbIteratorInit(&patch->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;
	int			n = 0;

	check_stack_depth();
	if (!JB_ROOT_IS_OBJECT(base))
		base = wf_jsonb_object(0, NULL, NULL);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type == jbvNull)
			base = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(base),
													  CStringGetTextDatum(key)));
		else if (token == WJB_VALUE)
		{
			keys[n] = key;
			values[n++] = patched_member(base, key, &value);
		}
	}
	return wf_jsonb_merge(base, wf_jsonb_object(n, keys, values));
}

/*
 * Return a string as jsonb.  Jsonb has a scalar as an array of one element,
 * which is marked.
 */
Jsonb *
wf_jsonb_string(const char *text)
{
	Size		len = strlen(text);
	Size		head = offsetof(JsonbContainer, children) + sizeof(JEntry);
	Jsonb	   *jsonb = palloc(VARHDRSZ + head + len);

	SET_VARSIZE(jsonb, VARHDRSZ + head + len);
	jsonb->root.header = 1 | JB_FARRAY | JB_FSCALAR;
	jsonb->root.children[0] = entry_of(0, JENTRY_ISSTRING, len, len);
	memcpy((char *) &jsonb->root + head, text, len);
	return jsonb;
}

/* A string as wf_jsonb_string() makes it; the null of jsonb if text is NULL. */
Jsonb *
wf_jsonb_string_or_null(const char *text)
{
	return text == NULL ? wf_jsonb_parse("null") : wf_jsonb_string(text);
}
