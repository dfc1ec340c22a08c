/*-------------------------------------------------------------------------
 *
 * queue_row.c
 *	  The tables workflow.queue and workflow.rate_limit: what is written to them.
 *
 * Runs in client backends.  Whoever changes a queue or a limit holds its row until
 * the end of the transaction; whoever claims runs reads both without locks, out of
 * the cache of its session (queue.c), which is told of each change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "queue/queue.h"
#include "queue/queue_row.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"

/* The settings come first among the parameters of each statement. */
#define NAME(name, type, nullable) #name ", "
#define TYPE(name, type, nullable) type,

#define QUEUE_NAMES		WF_QUEUE_SETTING_LIST(NAME)
#define QUEUE_PARAMETERS	"$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
#define LIMIT_NAMES		WF_QUEUE_SETTING_LIMIT_LIST(NAME)
#define LIMIT_PARAMETERS	"$1, $2, $3, "

StaticAssertDecl(WF_QUEUE_NSETTINGS == 15, "QUEUE_PARAMETERS has another number");
StaticAssertDecl(WF_LIMIT_NSETTINGS == 3, "LIMIT_PARAMETERS has another number");

static WfStatement insert_queue_statement = {
	.sql = "INSERT INTO workflow.queue (" QUEUE_NAMES "id, name, owner, created_at)"
	" VALUES (" QUEUE_PARAMETERS "$16, $17, $18, $19) ON CONFLICT (name) DO NOTHING",
	WF_ARGS(WF_QUEUE_SETTING_LIST(TYPE) INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID)
};

static WfStatement lock_queue_statement = {
	.sql = "SELECT " QUEUE_NAMES "id, name, owner, paused, note FROM workflow.queue"
	" WHERE name OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement update_queue_statement = {
	.sql = "UPDATE workflow.queue SET (" QUEUE_NAMES "paused, note) = (" QUEUE_PARAMETERS "$16, $17)"
	" WHERE id OPERATOR(pg_catalog.=) $18",
	WF_ARGS(WF_QUEUE_SETTING_LIST(TYPE) BOOLOID, TEXTOID, INT4OID),
	.latest = true
};

static WfStatement delete_queue_statement = {
	.sql = "DELETE FROM workflow.queue WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement insert_limit_statement = {
	.sql = "INSERT INTO workflow.rate_limit (" LIMIT_NAMES "id, name, owner, created_at)"
	" VALUES (" LIMIT_PARAMETERS "$4, $5, $6, $7) ON CONFLICT (name) DO NOTHING",
	WF_ARGS(WF_QUEUE_SETTING_LIMIT_LIST(TYPE) INT4OID, TEXTOID, INT4OID, TIMESTAMPTZOID)
};

static WfStatement lock_limit_statement = {
	.sql = "SELECT " LIMIT_NAMES "id, name, owner FROM workflow.rate_limit"
	" WHERE name OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement update_limit_statement = {
	.sql = "UPDATE workflow.rate_limit SET (" LIMIT_NAMES "name) = (" LIMIT_PARAMETERS "$4)"
	" WHERE id OPERATOR(pg_catalog.=) $5",
	WF_ARGS(WF_QUEUE_SETTING_LIMIT_LIST(TYPE) TEXTOID, INT4OID),
	.latest = true
};

static WfStatement delete_limit_statement = {
	.sql = "DELETE FROM workflow.rate_limit WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* --- parameters and columns ------------------------------------------------------ */

static void
add_settings(WfGiven *parameters, const WfQueueRow *row, int n)
{
	parameters->n = 0;
	for (int i = 0; i < n; i++)
		wf_given_add(parameters, row->settings.values[i], row->settings.nulls[i]);
}

/* What a new row has besides its settings. */
static void
add_identity(WfGiven *parameters, const WfQueueRow *row)
{
	wf_given_add(parameters, Int32GetDatum(row->id), false);
	wf_given_add(parameters, CStringGetTextDatum(row->name), false);
	wf_given_add(parameters, Int32GetDatum(row->owner), false);
	wf_given_add(parameters, TimestampTzGetDatum(wf_clock_now()), false);
}

/* Read what a lock statement has found, with so many settings. */
static void
read_row(WfQueueRow *row, int n)
{
	WfFound		found = wf_found(0);
	bool		isnull;

	memset(row, 0, sizeof(WfQueueRow));
	for (int i = 0; i < n; i++)
		row->settings.values[i] = wf_found_column(&found, i, &row->settings.nulls[i]);
	row->id = DatumGetInt32(wf_found_column(&found, n, &isnull));
	row->name = wf_found_text(&found, n + 1);
	row->owner = DatumGetInt32(wf_found_column(&found, n + 2, &isnull));
}

/* A number for a new row, of the identity of a table. */
static int32
next_id(const char *sequence)
{
	Oid			relation = get_relname_relid(sequence, get_namespace_oid("workflow", false));

	return (int32) nextval_internal(relation, false);
}

/* --- queues ----------------------------------------------------------------------- */

/*
 * Insert a queue; one without a number gets one.  False: there is one of this name.
 * Waits for a transaction that makes one.  SPI must be connected, as for all of these.
 */
bool
wf_queue_row_insert(WfQueueRow *row)
{
	WfGiven		parameters;

	if (row->id == 0)
		row->id = next_id("queue_id_seq");
	add_settings(&parameters, row, WF_QUEUE_NSETTINGS);
	add_identity(&parameters, row);
	wf_queue_changing();
	return wf_statement_execute(&insert_queue_statement, parameters.values, parameters.nulls, 0) == 1;
}

/* Lock a queue and read it; false: there is none of this name. */
bool
wf_queue_row_lock(const char *name, WfQueueRow *row)
{
	Datum		value = CStringGetTextDatum(name);
	WfFound		found;
	bool		isnull;

	if (wf_statement_execute(&lock_queue_statement, &value, NULL, 0) == 0)
		return false;
	read_row(row, WF_QUEUE_NSETTINGS);
	found = wf_found(0);
	row->paused = DatumGetBool(wf_found_column(&found, WF_QUEUE_NSETTINGS + 3, &isnull));
	row->note = wf_found_text(&found, WF_QUEUE_NSETTINGS + 4);
	return true;
}

/* Write a queue that is locked; its name, number and owner stay. */
void
wf_queue_row_update(const WfQueueRow *row)
{
	WfGiven		parameters;

	add_settings(&parameters, row, WF_QUEUE_NSETTINGS);
	wf_given_add(&parameters, BoolGetDatum(row->paused), false);
	wf_given_add(&parameters, row->note == NULL ? (Datum) 0 : CStringGetTextDatum(row->note), row->note == NULL);
	wf_given_add(&parameters, Int32GetDatum(row->id), false);
	wf_queue_changing();
	(void) wf_statement_execute(&update_queue_statement, parameters.values, parameters.nulls, 0);
}

/* Delete a queue that is locked. */
void
wf_queue_row_delete(int32 id)
{
	Datum		value = Int32GetDatum(id);

	wf_queue_changing();
	(void) wf_statement_execute(&delete_queue_statement, &value, NULL, 0);
}

/* --- limits ------------------------------------------------------------------------ */

/* The same as wf_queue_row_insert() for a limit. */
bool
wf_queue_row_insert_limit(WfQueueRow *row)
{
	WfGiven		parameters;

	row->id = next_id("rate_limit_id_seq");
	add_settings(&parameters, row, WF_LIMIT_NSETTINGS);
	add_identity(&parameters, row);
	wf_queue_changing_limits();
	return wf_statement_execute(&insert_limit_statement, parameters.values, parameters.nulls, 0) == 1;
}

/* Lock a limit and read it; false: there is none of this name. */
bool
wf_queue_row_lock_limit(const char *name, WfQueueRow *row)
{
	Datum		value = CStringGetTextDatum(name);

	if (wf_statement_execute(&lock_limit_statement, &value, NULL, 0) == 0)
		return false;
	read_row(row, WF_LIMIT_NSETTINGS);
	return true;
}

/* Write the settings of a limit that is locked. */
void
wf_queue_row_update_limit(const WfQueueRow *row)
{
	WfGiven		parameters;

	add_settings(&parameters, row, WF_LIMIT_NSETTINGS);
	wf_given_add(&parameters, CStringGetTextDatum(row->name), false);
	wf_given_add(&parameters, Int32GetDatum(row->id), false);
	wf_queue_changing_limits();
	(void) wf_statement_execute(&update_limit_statement, parameters.values, parameters.nulls, 0);
}

/* Delete a limit that is locked. */
void
wf_queue_row_delete_limit(int32 id)
{
	Datum		value = Int32GetDatum(id);

	wf_queue_changing_limits();
	(void) wf_statement_execute(&delete_limit_statement, &value, NULL, 0);
}
