/*-------------------------------------------------------------------------
 *
 * neutral_value.c
 *	  What a setting is in a session for which nobody has set anything.
 *
 * Runs in every process.  It is what ALTER DATABASE says, or ALTER ROLE ALL,
 * or the configuration of the server.  Where the client or ALTER ROLE of the
 * session's own role have said something, the server keeps only that, and
 * calls it the reset value; whoever sends the command may have chosen it.  So
 * what the server has is noted when the process begins, before they are heard.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/array.h"
#include "eval/neutral_value.h"
#include "eval/setting_list.h"

typedef struct Value
{
	char	   *name;
	char	   *text;
} Value;

/* Values from one origin. */
typedef struct Values
{
	MemoryContext context;		/* or NULL: not read yet */
	Value	   *list;
	int			n;
	int			size;
} Values;

static Values of_server;
static Values of_database;

/* libpq/auth.h, which would need the headers of GSSAPI, too. */
struct Port;
typedef void (*AuthenticationHook) (struct Port *port, int status);
extern PGDLLIMPORT AuthenticationHook ClientAuthentication_hook;

static AuthenticationHook previous_hook = NULL;

/* --- lists ---------------------------------------------------------------- */

static void
forget(Values *values)
{
	if (values->context != NULL)
		MemoryContextReset(values->context);
	else
		values->context = AllocSetContextCreate(TopMemoryContext, "workflow settings",
												ALLOCSET_SMALL_SIZES);
	values->list = NULL;
	values->n = values->size = 0;
}

static void
add(Values *values, const char *name, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(values->context);
	Value	   *value = wf_array_grow(values->list, values->n, values->size);

	value->name = pstrdup(name);
	value->text = pstrdup(text);
	MemoryContextSwitchTo(old);
}

/* The first value of a name in the list, or NULL. */
static const char *
look_up(const Values *values, const char *name)
{
	for (int i = 0; i < values->n; i++)
		if (pg_strcasecmp(values->list[i].name, name) == 0)
			return values->list[i].text;
	return NULL;
}

/* --- values as texts ------------------------------------------------------ */

/*
 * The present value of a setting, or the one that is compiled in, as
 * set_config_option() reads it.  In the current memory context.
 */
static const char *
value_text(struct config_generic *setting, bool boot)
{
	switch (setting->vartype)
	{
		case PGC_BOOL:
			{
				struct config_bool *conf = (struct config_bool *) setting;

				return (boot ? conf->boot_val : *conf->variable) ? "on" : "off";
			}
		case PGC_INT:
			{
				struct config_int *conf = (struct config_int *) setting;

				return psprintf("%d", boot ? conf->boot_val : *conf->variable);
			}
		case PGC_REAL:
			{
				struct config_real *conf = (struct config_real *) setting;

				return psprintf("%.17g", boot ? conf->boot_val : *conf->variable);
			}
		case PGC_STRING:
			{
				struct config_string *conf = (struct config_string *) setting;
				const char *text = boot ? conf->boot_val : *conf->variable;

				return text != NULL ? text : "";
			}
		case PGC_ENUM:
			{
				struct config_enum *conf = (struct config_enum *) setting;

				return config_enum_lookup_by_value(conf, boot ? conf->boot_val : *conf->variable);
			}
	}
	return "";					/* keep compiler quiet */
}

/* Return the value that is compiled in, in the current memory context. */
const char *
wf_neutral_value_boot(struct config_generic *setting)
{
	return value_text(setting, true);
}

/* --- what the server has -------------------------------------------------- */

/*
 * Note the server's configuration.  Must be called before the settings of a
 * role, a database or a client have been applied; what comes from them is left
 * out.
 */
void
wf_neutral_value_note(void)
{
	int			n;
	struct config_generic **list = wf_setting_list(&n);

	forget(&of_server);
	for (int i = 0; i < n; i++)
		if (list[i]->source != PGC_S_DEFAULT && list[i]->source <= PGC_S_ARGV &&
			list[i]->context == PGC_USERSET)
			add(&of_server, list[i]->name, value_text(list[i], false));
}

/* A client is connected; what it wants to have set is not set yet. */
static void
on_authentication(struct Port *port, int status)
{
	if (previous_hook)
		previous_hook(port, status);
	wf_neutral_value_note();
}

/*
 * _PG_init's part: note what the server has at its start, for background
 * workers of others, and have each backend of a client note it anew.
 */
void
wf_neutral_value_init(void)
{
	wf_neutral_value_note();
	previous_hook = ClientAuthentication_hook;
	ClientAuthentication_hook = on_authentication;
}

/* --- what the database has ------------------------------------------------ */

/* Add the texts "name=value" of an array. */
static void
add_array(Values *values, ArrayType *array)
{
	Datum	   *texts;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name;
		char	   *value;

		ParseLongOption(TextDatumGetCString(texts[i]), &name, &value);
		if (value != NULL)
			add(values, name, value);
	}
}

/* Add what ALTER DATABASE has set for all roles; for 0: ALTER ROLE ALL. */
static void
add_database(Relation relation, Oid dbid)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(dbid));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(InvalidOid));
	scan = systable_beginscan(relation, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		array = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
										 RelationGetDescr(relation), &isnull);

		if (!isnull)
			add_array(&of_database, DatumGetArrayTypeP(array));
	}
	systable_endscan(scan);
}

/*
 * Once a session, as the server itself does it.  An error leaves the list
 * unread.
 */
static void
read_database(void)
{
	Relation	relation;

	if (of_database.context != NULL)
		return;
	relation = table_open(DbRoleSettingRelationId, AccessShareLock);
	forget(&of_database);
	PG_TRY();
	{
		add_database(relation, MyDatabaseId);
		add_database(relation, InvalidOid);
	}
	PG_CATCH();
	{
		MemoryContextDelete(of_database.context);
		of_database.context = NULL;
		PG_RE_THROW();
	}
	PG_END_TRY();
	table_close(relation, AccessShareLock);
}

/*
 * Return what a setting is in a session of this database for which neither its
 * client nor its role has set anything.  Valid until the session ends, or in
 * the current memory context.  Needs a transaction; reads a catalog at the
 * first call in a session.
 */
const char *
wf_neutral_value(struct config_generic *setting)
{
	const char *text;

	read_database();
	text = look_up(&of_database, setting->name);
	if (text == NULL)
		text = look_up(&of_server, setting->name);
	return text != NULL ? text : wf_neutral_value_boot(setting);
}
