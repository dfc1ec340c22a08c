/*-------------------------------------------------------------------------
 *
 * parameter_schema.c
 *	  Parameters as JSON Schema.
 *
 * Runs in any session, and reads catalogs only.  What a schema cannot say (checks, the
 * syntax of types) is checked when they are given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

#include "base/jsonb.h"
#include "parameter/parameter_schema.h"
#include "parameter/parameters.h"

/* A JSON object that grows. */
typedef struct Object
{
	int			n;
	const char *keys[16];
	Jsonb	   *values[16];
} Object;

static void
put(Object *object, const char *key, Jsonb *value)
{
	object->keys[object->n] = key;
	object->values[object->n++] = value;
}

static void
put_text(Object *object, const char *key, const char *text)
{
	if (text != NULL)
		put(object, key, wf_jsonb_string(text));
}

static void
put_number(Object *object, const char *key, int64 number)
{
	put(object, key, wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(number)), NUMERICOID));
}

static Jsonb *
done(Object *object)
{
	return wf_jsonb_object(object->n, object->keys, object->values);
}

static void
put_whole(Object *object, int64 least, int64 most)
{
	put_text(object, "type", "integer");
	put_number(object, "minimum", least);
	put_number(object, "maximum", most);
}

static void
put_format(Object *object, const char *format)
{
	put_text(object, "type", "string");
	put_text(object, "format", format);
}

/* The labels of an enum, in their order. */
static void
put_enum(Object *object, Oid type)
{
	CatCList   *list = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	Jsonb	  **labels = palloc(sizeof(Jsonb *) * (list->n_members + 1));
	float4	   *orders = palloc(sizeof(float4) * (list->n_members + 1));

	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_enum label = (Form_pg_enum) GETSTRUCT(&list->members[i]->tuple);
		int			place = i;

		for (; place > 0 && orders[place - 1] > label->enumsortorder; place--)
		{
			orders[place] = orders[place - 1];
			labels[place] = labels[place - 1];
		}
		orders[place] = label->enumsortorder;
		labels[place] = wf_jsonb_string(NameStr(label->enumlabel));
	}
	put(object, "enum", wf_jsonb_array(list->n_members, labels));
	ReleaseCatCacheList(list);
}

/* What values of a type are in JSON. */
static void
put_type(Object *object, Oid type, int32 typmod)
{
	Oid			element;

	type = getBaseTypeAndTypmod(type, &typmod);
	element = get_element_type(type);
	if (OidIsValid(element))
	{
		Object		items = {0};

		put_type(&items, element, typmod);
		put_text(object, "type", "array");
		put(object, "items", done(&items));
		return;
	}
	switch (type)
	{
		case BOOLOID:
			put_text(object, "type", "boolean");
			return;
		case INT2OID:
			put_whole(object, PG_INT16_MIN, PG_INT16_MAX);
			return;
		case INT4OID:
			put_whole(object, PG_INT32_MIN, PG_INT32_MAX);
			return;
		case INT8OID:
			put_whole(object, PG_INT64_MIN, PG_INT64_MAX);
			return;
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
			put_text(object, "type", "number");
			return;
		case UUIDOID:
			put_format(object, "uuid");
			return;
		case DATEOID:
			put_format(object, "date");
			return;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			put_format(object, "date-time");
			return;
		case TIMEOID:
		case TIMETZOID:
			put_format(object, "time");
			return;
		case JSONOID:
		case JSONBOID:
			return;				/* anything */
	}
	if (get_typtype(type) == TYPTYPE_ENUM)
		put_enum(object, type);
	else
		put_text(object, "type", type_is_rowtype(type) ? "object" : "string");
	if ((type == VARCHAROID || type == BPCHAROID) && typmod > (int32) VARHDRSZ)
		put_number(object, "maxLength", typmod - VARHDRSZ);
}

/* One parameter. */
static Jsonb *
schema_of(const WfParameter *parameter, const char *language)
{
	Object		object = {0};
	int32		typmod = -1;
	Oid			type;

	parseTypeString(parameter->type.name, &type, &typmod, false);
	put_type(&object, type, typmod);
	put_text(&object, "title", wf_texts_find(&parameter->texts, "title", language));
	put_text(&object, "description", wf_texts_find(&parameter->texts, "description", language));
	if (parameter->constant != NULL)
		put(&object, "default", parameter->constant);
	put_text(&object, "x-type", parameter->type.name);
	if (parameter->sensitive)
		put(&object, "writeOnly", wf_jsonb_scalar(BoolGetDatum(true), BOOLOID));
	if (parameter->check != NULL)
		put_text(&object, "x-check", parameter->check->text);
	return done(&object);
}

/*
 * The schema of parameters, NULL for any: an object with this title and description
 * (or NULL), and with texts in a language, or NULL for those that name none.  Error 42704 if a type is gone.
 */
Jsonb *
wf_parameter_schema(const WfParameters *parameters, const char *title,
					const char *description, const char *language)
{
	int			n = parameters == NULL ? 0 : parameters->n;
	const char **names = palloc(sizeof(char *) * (n + 1));
	Jsonb	  **schemas = palloc(sizeof(Jsonb *) * (n + 1));
	Jsonb	  **required = palloc(sizeof(Jsonb *) * (n + 1));
	int			nrequired = 0;
	Object		object = {0};

	for (int i = 0; i < n; i++)
	{
		const WfParameter *parameter = &parameters->items[i];

		names[i] = parameter->name;
		schemas[i] = schema_of(parameter, language);
		if (parameter->required && parameter->constant == NULL && parameter->computed == NULL)
			required[nrequired++] = wf_jsonb_string(parameter->name);
	}
	put_text(&object, "$schema", "https://json-schema.org/draft/2020-12/schema");
	put_text(&object, "title", title);
	put_text(&object, "description", description);
	put_text(&object, "type", "object");
	if (parameters != NULL)
	{
		put(&object, "properties", wf_jsonb_object(n, names, schemas));
		put(&object, "required", wf_jsonb_array(nrequired, required));
		put(&object, "additionalProperties", wf_jsonb_scalar(BoolGetDatum(false), BOOLOID));
	}
	return done(&object);
}
