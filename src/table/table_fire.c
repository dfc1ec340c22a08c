/*-------------------------------------------------------------------------
 *
 * table_fire.c
 *	  What becomes of the rows that a statement has written.
 *
 * Runs in the sessions of those who write to tables of users, who need no right on
 * anything of ours: as a SECURITY DEFINER function would, this acts as the owner of the
 * trigger.  Rows are read a chunk at a time, and runs, processes and events are made of
 * them a chunk at a time, so that a load of a million rows needs no more memory than one
 * of a thousand.  But where keys are taken all are read first: keys are taken in their
 * order, so that two loads cannot wait for each other in a circle.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/event_data.h"
#include "definition/privilege.h"
#include "eval/user_context.h"
#include "job/job.h"
#include "process/start.h"
#include "run/run_make.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/key.h"
#include "store/tenant.h"
#include "table/table_fire.h"
#include "table/table_payload.h"
#include "table/table_trigger.h"

/* Rows that are in memory at a time. */
#define CHUNK 1000

/* Longest key, as api/arg.c has it. */
#define MAX_KEY 1000

/* Bytes of what is made of a row, for messages to show how it begins. */
#define MOST_SHOWN 10000

/* What is to be made of one row. */
typedef struct Wanted
{
	int64		number;			/* of the row */
	char	   *key;			/* or NULL */
	Jsonb	   *payload;
} Wanted;

/* All of one statement. */
typedef struct Fire
{
	WfTableTrigger trigger;		/* a copy, but for its expressions */
	WfTableRow	row;
	WfTableExprState when;
	WfTableExprState key;
	WfTablePayload payload;
	bool		needs_author;	/* to read the rows */
	const WfJob *job;			/* or NULL: */
	WfDefinition *definition;
	const char *writer;
	MemoryContext chunk;		/* what lasts as long as a chunk */
	Wanted	   *items;			/* in the order of rows */
	int			n;
	int			size;
	Wanted	  **made;			/* those that are being made; or NULL: */
	int64		at;				/* this row is being read */
	int			current;		/* which of those that are made */
} Fire;

/* --- errors ------------------------------------------------------------------------ */

/* What is made of a row, as far as a message has room.  A large one might not become a text at all. */
static const char *
shown(Jsonb *payload)
{
	return VARSIZE(payload) > MOST_SHOWN ? "..." : wf_quote(JsonbToCString(NULL, &payload->root, VARSIZE(payload)));
}

/* Error context callback: which trigger, and which row. */
static void
error_context(void *arg)
{
	const Fire *fire = arg;
	const Wanted *item = fire->made == NULL || fire->current < 0 ? NULL : fire->made[fire->current];

	if (item != NULL)
		errcontext("table trigger \"%s\", row " INT64_FORMAT " of the statement: %s", fire->trigger.name, item->number,
				   shown(item->payload));
	else if (fire->made == NULL && fire->at > 0)
		errcontext("table trigger \"%s\", row " INT64_FORMAT " of the statement", fire->trigger.name, fire->at);
	else
		errcontext("table trigger \"%s\"", fire->trigger.name);
}

/* --- reading rows -------------------------------------------------------------------- */

/* As whom, and with which settings, rows are read. */
typedef struct Reader
{
	WfUserContext bracket;
	int			guc_level;
	bool		pinned;
} Reader;

static void
enter(Fire *fire, Reader *reader)
{
	if (fire->needs_author)
		wf_user_context_enter(&fire->trigger.author, &reader->bracket);
	else if (fire->row.needs == WF_TABLE_ROW_SETTINGS)
	{
		reader->guc_level = wf_user_context_pin(&fire->trigger.author);
		reader->pinned = true;
	}
}

static void
leave(Reader *reader)
{
	wf_user_context_leave(&reader->bracket);
	if (reader->pinned)
		AtEOXact_GUC(false, reader->guc_level);
	reader->pinned = false;
}

/* Is something to be made of the row that is there? */
static bool
is_wanted(Fire *fire)
{
	bool		isnull;
	Datum		value;

	if (fire->when.state == NULL)
		return true;
	value = wf_table_expr_evaluate(&fire->when, &isnull);
	return !isnull && DatumGetBool(value);
}

/* Its key, or NULL. */
static char *
key_of(Fire *fire)
{
	bool		isnull;
	Datum		value;
	char	   *key;

	if (fire->key.state == NULL)
		return NULL;
	value = wf_table_expr_evaluate(&fire->key, &isnull);
	if (isnull)
		return NULL;
	key = TextDatumGetCString(value);
	if (*key == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a key must not be empty"),
				 errhint("A row without a key has null.")));
	if (strlen(key) > MAX_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("a key is too long"),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(key), MAX_KEY)));
	return key;
}

static void
add(Fire *fire, char *key)
{
	if (fire->n == fire->size)
	{
		fire->size *= 2;
		fire->items = repalloc_huge(fire->items, sizeof(Wanted) * fire->size);
	}
	fire->items[fire->n++] = (Wanted)
	{
		fire->at, key, wf_table_payload_of(&fire->payload, &fire->row)
	};
}

/*
 * Read rows until there are so many items; 0: all rows.  False: there are no more rows.
 */
static bool
read_rows(Fire *fire, int most)
{
	Reader		reader = {.pinned = false};
	bool		more;

	fire->made = NULL;
	enter(fire, &reader);
	while ((more = wf_table_row_next(&fire->row)))
	{
		char	   *key;

		CHECK_FOR_INTERRUPTS();
		fire->at = fire->row.number;
		if (!is_wanted(fire))
			continue;
		key = key_of(fire);
		/* an event is for somebody */
		if (key == NULL && fire->trigger.event != NULL)
			continue;
		add(fire, key);
		if (fire->n == most)
			break;
	}
	leave(&reader);
	return more;
}

/* --- making ---------------------------------------------------------------------------- */

/* Runs of n items. */
static void
make_runs(Fire *fire, Wanted **items, int n)
{
	WfRunRequest request = {.job = fire->job,.priority = fire->job->priority,.at = wf_clock_now(),
	.actor = fire->writer,.on_conflict = WF_RUN_EXISTING,.current = &fire->current};
	WfRunWanted *wanted = palloc0(sizeof(WfRunWanted) * n);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);

	request.queue = wf_run_make_queue(fire->job, NULL, GetUserId());
	for (int i = 0; i < n; i++)
	{
		wanted[i].params = items[i]->payload;
		wanted[i].key = items[i]->key;
	}
	wf_run_make(&request, n, wanted, ids);
}

/* Processes of n items. */
static void
make_processes(Fire *fire, Wanted **items, int n)
{
	WfStart		start = {.definition = fire->definition,.later = true,.at = wf_clock_now(),
	.actor = GetUserNameFromId(GetUserId(), false),.looks_for_early = true};
	WfStartMany many = {.n = n};
	int		   *at = palloc(sizeof(int) * n);

	many.inputs = palloc(sizeof(Datum) * n);
	many.input_nulls = palloc0(sizeof(bool) * n);
	many.keys = fire->trigger.key == NULL ? NULL : palloc(sizeof(Datum) * n);
	many.key_nulls = palloc(sizeof(bool) * n);
	many.ids = palloc(sizeof(pg_uuid_t) * n);
	many.created = palloc(sizeof(bool) * n);
	for (int i = 0; i < n; i++)
	{
		const char *key = items[i]->key;

		at[i] = i;
		many.created[i] = true;
		wf_uuid_make(&many.ids[i], key == NULL ? WF_UUID_ANY_SLOT : wf_uuid_slot_of_key(key, strlen(key)));
		many.inputs[i] = JsonbPGetDatum(items[i]->payload);
		many.key_nulls[i] = key == NULL;
		if (key != NULL)
			many.keys[i] = CStringGetTextDatum(key);
	}
	wf_start_many(&start, &many, at, n);
}

/* Events of n items. */
static void
make_events(Fire *fire, Wanted **items, int n)
{
	WfChanges  *changes = wf_changes_new(0);
	Datum	   *keys = palloc(sizeof(Datum) * n);
	TimestampTz now = wf_clock_now();
	WfKeyFound *found;
	int			nfound;

	for (int i = 0; i < n; i++)
		keys[i] = CStringGetTextDatum(items[i]->key);
	nfound = wf_key_find_many(fire->definition->name,
							  construct_array(keys, n, TEXTOID, -1, false, TYPALIGN_INT), &found);
	for (int i = 0; i < nfound; i++)
	{
		WfDefinition *definition = wf_definition(found[i].definition);
		WfTimerRow	timer = {.process = found[i].process,.due = now,.event = fire->trigger.event,
		.actor = GetUserNameFromId(GetUserId(), false),.trace = wf_guc_traceparent()};

		fire->current = found[i].at;
		timer.data = wf_event_data_check(definition, timer.event, items[found[i].at]->payload);
		wf_changes_arm(changes, &timer, definition->owner, false, false);
	}
	wf_changes_write(changes);
}

static void
make(Fire *fire, Wanted **items, int n)
{
	fire->made = items;
	fire->current = -1;
	if (fire->job != NULL)
		make_runs(fire, items, n);
	else if (fire->trigger.event != NULL)
		make_events(fire, items, n);
	else
		make_processes(fire, items, n);
}

static int
compare_keys(const void *a, const void *b)
{
	const Wanted *left = *(Wanted *const *) a;
	const Wanted *right = *(Wanted *const *) b;
	int			order;

	if (left->key == NULL || right->key == NULL)
		order = (left->key == NULL) - (right->key == NULL);
	else
		order = strcmp(left->key, right->key);
	return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

static int
compare_numbers(const void *a, const void *b)
{
	const Wanted *left = *(Wanted *const *) a;
	const Wanted *right = *(Wanted *const *) b;

	return (left->number > right->number) - (left->number < right->number);
}

/*
 * Make what the items say, a chunk at a time.  Keys are taken in their order in all
 * chunks together, while those of a chunk are made in the order of rows.
 */
static void
make_all(Fire *fire)
{
	Wanted	  **items = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Wanted *) * (fire->n + 1));

	for (int i = 0; i < fire->n; i++)
		items[i] = &fire->items[i];
	if (fire->n > CHUNK)
		qsort(items, fire->n, sizeof(Wanted *), compare_keys);
	for (int from = 0; from < fire->n; from += CHUNK)
	{
		int			n = Min(CHUNK, fire->n - from);
		MemoryContext old = MemoryContextSwitchTo(fire->chunk);

		qsort(items + from, n, sizeof(Wanted *), compare_numbers);
		make(fire, items + from, n);
		MemoryContextSwitchTo(old);
		MemoryContextReset(fire->chunk);
	}
}

/* --- one statement ------------------------------------------------------------------ */

/* The trigger of the server is ours, for this table, and its owner may still ask for it. */
static void
check(const char *name, const WfTableTrigger *trigger, Relation relation)
{
	if (trigger == NULL || trigger->relation != RelationGetRelid(relation))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("table trigger \"%s\" does not exist on table \"%s\"", wf_quote(name),
						RelationGetRelationName(relation)),
				 errhint("Make it anew with workflow.create_table_trigger(), or drop the triggers of the table that call workflow.table_trigger() with this name.")));
	if (!wf_table_trigger_is_allowed(trigger))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("the owner of table trigger \"%s\" does not own table \"%s\"", trigger->name,
						RelationGetRelationName(relation)),
				 errhint("Drop it with workflow.drop_table_trigger(), and have the owner of the table make it anew.")));
}

/* Have expressions compiled for the rows of this table. */
static void
compile(Fire *fire, WfTableTrigger *trigger)
{
	WfUserContext bracket = {0};

	if (wf_table_expr_is_compiled(trigger->key, fire->row.desc) &&
		wf_table_expr_is_compiled(trigger->when, fire->row.desc))
		return;
	wf_user_context_enter(&fire->trigger.author, &bracket);
	if (trigger->key != NULL)
		wf_table_expr_compile(trigger->key, fire->row.desc);
	if (trigger->when != NULL)
		wf_table_expr_compile(trigger->when, fire->row.desc);
	wf_user_context_leave(&bracket);
}

/* What is to be made, if the owner of the trigger, who is the current user, may. */
static void
find_target(Fire *fire)
{
	if (fire->trigger.job != NULL)
	{
		fire->job = wf_job_newest(fire->trigger.job);
		wf_job_require(fire->job, "run");
		return;
	}
	fire->definition = wf_definition_by_name(fire->trigger.definition, 0);
	wf_privilege_require(fire->definition, fire->trigger.event != NULL ? "send" : "start");
	wf_definition_keep(fire->definition);
}

/* The parameters that the job, or the event, declares; NULL: none. */
static const WfParameters *
declared_by(const Fire *fire)
{
	if (fire->job != NULL)
		return fire->job->parameters;
	return fire->trigger.event == NULL ? NULL :
		wf_event_data_parameters(fire->definition, fire->trigger.event);
}

/* Copy what is kept of the trigger, and get its expressions ready. */
static void
begin(Fire *fire, WfTableTrigger *trigger, const TriggerData *data)
{
	Reader		reader = {.pinned = false};

	fire->trigger = *trigger;
	fire->trigger.author.search_path = pstrdup(trigger->author.search_path);
	fire->trigger.author.time_zone = pstrdup(trigger->author.time_zone);
	fire->trigger.name = pstrdup(trigger->name);
	fire->trigger.job = trigger->job == NULL ? NULL : pstrdup(trigger->job);
	fire->trigger.definition = trigger->definition == NULL ? NULL : pstrdup(trigger->definition);
	fire->trigger.event = trigger->event == NULL ? NULL : pstrdup(trigger->event);
	wf_table_row_begin(&fire->row, data);
	compile(fire, trigger);
	fire->needs_author = fire->row.needs == WF_TABLE_ROW_AUTHOR ||
		(trigger->key != NULL && !trigger->key->pure) || (trigger->when != NULL && !trigger->when->pure);
	enter(fire, &reader);
	wf_table_expr_begin(trigger->key, &fire->row, &fire->key);
	wf_table_expr_begin(trigger->when, &fire->row, &fire->when);
	leave(&reader);
}

/* All rows: those with keys at once, others chunk by chunk. */
static void
fire_all(Fire *fire)
{
	bool		at_once = fire->trigger.key != NULL && fire->trigger.event == NULL;
	bool		more;

	fire->size = CHUNK;
	fire->items = palloc(sizeof(Wanted) * fire->size);
	do
	{
		MemoryContext old = CurrentMemoryContext;
		MemoryContext rows = AllocSetContextCreate(old, "rows of a table trigger", ALLOCSET_DEFAULT_SIZES);

		MemoryContextSwitchTo(rows);
		fire->n = 0;
		more = read_rows(fire, at_once ? 0 : CHUNK);
		make_all(fire);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(rows);
	} while (more);
	wf_table_expr_end(&fire->key);
	wf_table_expr_end(&fire->when);
	wf_table_row_end(&fire->row);
}

/*
 * Do what the table trigger of this name is for, for the tenant for whom the writer works.  Errors of its expressions, and of what
 * it makes, are those of the writer's statement; WF010 and WF002 also where the trigger
 * does not belong to the table.  SPI must be connected.
 */
void
wf_table_fire(const char *name, const TriggerData *data)
{
	Fire		fire = {.current = -1};
	ErrorContextCallback callback = {.callback = error_context,.arg = &fire,.previous = error_context_stack};
	WfTableTrigger *trigger = wf_table_trigger_find(name);
	bool		uses;
	int			level;
	Oid			user;
	int			sec_context;

	check(name, trigger, data->tg_relation);
	GetUserIdAndSecContext(&user, &sec_context);
	level = wf_tenant_work_for(wf_tenant_current());
	fire.writer = GetUserNameFromId(user, false);
	SetUserIdAndSecContext(trigger->author.role, sec_context | SECURITY_LOCAL_USERID_CHANGE);
	fire.chunk = AllocSetContextCreate(CurrentMemoryContext, "what a table trigger makes", ALLOCSET_DEFAULT_SIZES);
	fire.trigger.name = name;
	error_context_stack = &callback;
	uses = wf_table_trigger_use(trigger);
	begin(&fire, trigger, data);
	if (uses)
		wf_table_trigger_leave(trigger);
	find_target(&fire);
	wf_table_payload_begin(&fire.payload, data, &fire.row, declared_by(&fire), fire.writer);
	fire_all(&fire);
	error_context_stack = callback.previous;
	SetUserIdAndSecContext(user, sec_context);
	wf_tenant_work_on(level);
}
