/*-------------------------------------------------------------------------
 *
 * delivery.c
 *	  The other server is told what has become of its runs.
 *
 * Runs in the courier.  What is in the table of outcomes is told again and again, until
 * there is an answer, whatever that is: the other server decides by the fence whether the
 * run is this server's still.  No transaction is open meanwhile.  On a standby there is no
 * such row, and what was handed over is told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/jsonb.h"
#include "base/uuid.h"
#include "remote/delivery.h"
#include "remote/reply.h"
#include "remote/wire.h"
#include "store/transaction.h"

/* So many are read at a time. */
#define PIECE		100

/* A line that is slower is none. */
#define BYTES_PER_MS	256

#define COMPLETE \
	"SELECT workflow.complete($1::pg_catalog.uuid, $2::pg_catalog.int8, $3::pg_catalog.jsonb) AS taken"

#define FAIL \
	"SELECT workflow.fail($1::pg_catalog.uuid, $2::pg_catalog.int8, $3::pg_catalog.jsonb," \
	" final => $4::pg_catalog.bool) OPERATOR(pg_catalog.<>) 'lost' AS taken"

#define RELEASE \
	"SELECT workflow.release($1::pg_catalog.uuid, $2::pg_catalog.int8) AS taken"

#define EXTEND \
	"SELECT workflow.extend($1::pg_catalog.uuid, $2::pg_catalog.int8) OPERATOR(pg_catalog.=) 'go on' AS taken"

static const char *
number(int64 value)
{
	return psprintf(INT64_FORMAT, value);
}

static const char *
json(Jsonb *value)
{
	return wf_wire_out(JsonbToCString(NULL, &value->root, VARSIZE(value)));
}

/* So long (ms) an answer may take: a large result is on its way for a while. */
static int
time_for(int n, const char *const *values, int timeout)
{
	Size		bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += values[i] == NULL ? 0 : strlen(values[i]);
	return timeout + (int) Min(bytes / BYTES_PER_MS, PG_INT32_MAX / 2);
}

/* Say something of a run.  False: there is trouble. */
static bool
say(WfLine *line, const char *sql, int n, const char *const *values, int timeout, bool *taken)
{
	PGresult   *answer = wf_line_ask(line, sql, n, values, time_for(n, values, timeout));
	const char *value;

	if (answer == NULL)
		return false;
	value = wf_line_column(answer, 0, "taken");
	*taken = value != NULL && strcmp(value, "t") == 0;
	wf_line_library()->clear(answer);
	return true;
}

/* --- outcomes ------------------------------------------------------------------------------ */

/* Is the other server not able to take anything just now?  Then it is not the outcome. */
static bool
is_passing(const WfLine *line)
{
	static const char *const classes[] = {"08", "25", "40", "53", "55", "57", "58"};

	if (line->sqlstate[0] == '\0')
		return true;
	for (int i = 0; i < (int) lengthof(classes); i++)
		if (strncmp(line->sqlstate, classes[i], 2) == 0)
			return true;
	return false;
}

/* An error as the other server keeps it. */
static const char *
error_text(const char *code, const char *message, const char *hint)
{
	const char *keys[] = {"code", "message", "hint"};
	Jsonb	   *values[] = {
		wf_jsonb_string(code), wf_jsonb_string(message), wf_jsonb_string_or_null(hint)
	};

	return json(wf_jsonb_object(hint == NULL ? 2 : 3, keys, values));
}

/* Tell one.  False: there is trouble. */
static bool
tell(WfLine *line, const WfOutcome *outcome, int timeout, bool *taken)
{
	const char *values[4] = {wf_uuid_text(&outcome->run), number(outcome->fence), NULL, outcome->final ? "t" : "f"};
	bool		failed = outcome->error != NULL;
	Jsonb	   *what = failed ? outcome->error : outcome->result;
	bool		good;

	values[2] = what == NULL ? NULL : json(what);
	good = failed ? say(line, FAIL, 4, values, timeout, taken) : say(line, COMPLETE, 3, values, timeout, taken);
	if (good || is_passing(line))
		return good;
	/* it cannot be kept there as it is: an error is without its characters, a result fails */
	values[2] = failed ? wf_wire_plain(values[2]) : error_text(line->sqlstate, wf_wire_plain(line->trouble), NULL);
	values[3] = failed ? values[3] : "t";
	return say(line, FAIL, 4, values, timeout, taken);
}

/* Note that one was told. */
static void
note(const WfOutcome *outcome, bool taken)
{
	if (wf_reply_is_used())
	{
		wf_reply_told(outcome);
		return;
	}
	if (!wf_transaction_begin("noting what was told", InvalidOid))
		return;
	wf_outcome_told(outcome, taken);
	wf_transaction_commit();
}

/* What is to be told, in the current memory context; *more: and there may be others. */
static int
find(WfOutcome **outcomes, bool *more)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	int			n;

	*more = false;
	if (wf_reply_is_used())
	{
		n = wf_reply_untold(PIECE, outcomes);
		*more = n == PIECE;
		return n;
	}
	if (!wf_transaction_begin("looking for what is to be told", InvalidOid))
		return 0;
	old = MemoryContextSwitchTo(context);
	n = wf_outcome_untold(PIECE, outcomes, more);
	MemoryContextSwitchTo(old);
	wf_transaction_commit();
	MemoryContextSwitchTo(context);
	return n;
}

/*
 * Tell what was not told yet, a piece of it; *more: there is more.  False: there is
 * trouble, and it is to be tried again later.
 */
bool
wf_delivery_tell_all(WfLine *line, int timeout, bool *more)
{
	MemoryContext context = CurrentMemoryContext;
	WfOutcome  *outcomes;
	int			n = find(&outcomes, more);
	bool		good = true;

	for (int i = 0; i < n && wf_line_is_open(line); i++)
	{
		bool		taken;

		if (tell(line, &outcomes[i], timeout, &taken))
		{
			note(&outcomes[i], taken);
			MemoryContextSwitchTo(context);
		}
		else
			good = false;
	}
	return good;
}

/* --- runs without outcome ------------------------------------------------------------------- */

/* A run is not done here.  False: there is trouble. */
bool
wf_delivery_refuse(WfLine *line, const WfParcel *parcel, const char *code, const char *message,
				   const char *hint, bool final, int timeout)
{
	const char *values[4] = {
		wf_uuid_text(&parcel->run), number(parcel->fence), error_text(code, message, hint), final ? "t" : "f"
	};
	bool		taken;

	return say(line, FAIL, 4, values, timeout, &taken);
}

/* A run was not begun.  False: there is trouble. */
bool
wf_delivery_give_back(WfLine *line, const WfParcel *parcel, int timeout)
{
	const char *values[2] = {wf_uuid_text(&parcel->run), number(parcel->fence)};
	bool		taken;

	return say(line, RELEASE, 2, values, timeout, &taken);
}

/* Is a run that is under way wanted still?  False: there is trouble. */
bool
wf_delivery_is_wanted(WfLine *line, const pg_uuid_t *run, int64 fence, int timeout, bool *wanted)
{
	const char *values[2] = {wf_uuid_text(run), number(fence)};

	return say(line, EXTEND, 2, values, timeout, wanted);
}
