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

#include "fmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "remote/delivery.h"
#include "remote/reply.h"
#include "remote/wire.h"
#include "store/transaction.h"

/* So many are read at a time. */
#define PIECE		100

/* By so many of its last outcomes a database is known. */
#define LAST		20

/* A line that is slower is none. */
#define BYTES_PER_MS	256

/* What was said is told in the statement that ends the run, which it does from left to right. */
#define SAID(n) \
	"workflow.report_placed($1::pg_catalog.uuid, $2::pg_catalog.int8, $" #n "::pg_catalog.jsonb)"

#define OUTCOME_TOLD \
	"workflow.outcome_told($3, $4::pg_catalog.int8, $5::pg_catalog.int8)"

#define COMPLETED \
	"workflow.complete($1::pg_catalog.uuid, $2::pg_catalog.int8, $6::pg_catalog.jsonb) AS taken"

#define FAILED(error, final) \
	"workflow.fail($1::pg_catalog.uuid, $2::pg_catalog.int8, $" #error "::pg_catalog.jsonb," \
	" final => $" #final "::pg_catalog.bool) OPERATOR(pg_catalog.<>) 'lost' AS taken"

#define COMPLETE		"SELECT " COMPLETED ", " OUTCOME_TOLD
#define SAY_COMPLETE	"SELECT " SAID(7) ", " COMPLETED ", " OUTCOME_TOLD
#define FAIL			"SELECT " FAILED(6, 7) ", " OUTCOME_TOLD
#define SAY_FAIL		"SELECT " SAID(8) ", " FAILED(6, 7) ", " OUTCOME_TOLD
#define SAY_PARK		"SELECT " SAID(6) " AS taken, " OUTCOME_TOLD
#define FAIL_ALONE		"SELECT " FAILED(3, 4)

#define PROGRESS \
	"SELECT workflow.report_progress($3::pg_catalog.int8, $4::pg_catalog.int8, $5, $1::pg_catalog.uuid," \
	" $2::pg_catalog.int8)"

#define KEPT \
	"SELECT workflow.outcomes_kept($1, $2::pg_catalog.int8, $3::pg_catalog.int8, $4::pg_catalog.uuid[]) AS taken"

#define RELEASE \
	"SELECT workflow.release($1::pg_catalog.uuid, $2::pg_catalog.int8) AS taken"

#define DECLINE \
	"SELECT workflow.decline($1::pg_catalog.uuid, $2::pg_catalog.int8) OR" \
	" workflow.release($1::pg_catalog.uuid, $2::pg_catalog.int8," \
	"  pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) $3::pg_catalog.interval) AS taken"

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

/* An outcome on its way: what it says, as it stands now. */
typedef struct Telling
{
	WfLine	   *line;
	const WfMembership *as;
	const WfOutcome *outcome;
	const char *error;			/* NULL: it has not failed */
	bool		final;
	const char *result;			/* or NULL */
	const char *said;			/* or NULL */
	bool		parked;
	int			timeout;
} Telling;

/* Tell one so.  False: there is trouble. */
static bool
try_to_tell(const Telling *telling, bool *taken)
{
	const char *values[8] = {
		wf_uuid_text(&telling->outcome->run), number(telling->outcome->fence),
		telling->as->id, number(telling->as->epoch), number(telling->outcome->number)
	};
	const char *sql;
	int			n = 5;

	if (telling->parked)
		sql = SAY_PARK;
	else if (telling->error != NULL)
	{
		sql = telling->said == NULL ? FAIL : SAY_FAIL;
		values[n++] = telling->error;
		values[n++] = telling->final ? "t" : "f";
	}
	else
	{
		sql = telling->said == NULL ? COMPLETE : SAY_COMPLETE;
		values[n++] = telling->result;
	}
	if (telling->said != NULL)
		values[n++] = telling->said;
	return say(telling->line, sql, n, values, telling->timeout, taken);
}

/* What cannot be kept there as it is: an error is without its characters, anything else fails. */
static void
make_plain(Telling *telling)
{
	telling->final = telling->final || telling->error == NULL;
	telling->error = telling->error != NULL ? wf_quote_plain(telling->error) :
		error_text(telling->line->sqlstate, wf_quote_plain(telling->line->trouble), NULL);
	telling->parked = false;
}

/* Tell one.  False: there is trouble. */
static bool
tell(WfLine *line, const WfMembership *as, const WfOutcome *outcome, int timeout, bool *taken)
{
	Telling		telling = {
		.line = line,.as = as,.outcome = outcome,.final = outcome->final,.timeout = timeout,
		.error = outcome->error == NULL ? NULL : json(outcome->error),
		.result = outcome->result == NULL ? NULL : json(outcome->result),
		.said = outcome->said == NULL ? NULL : json(outcome->said),
		.parked = wf_outcome_is_parked(outcome)
	};

	if (try_to_tell(&telling, taken))
		return true;
	if (telling.said != NULL && !telling.parked && !is_passing(line))
	{
		/* it may be what was said that cannot be kept */
		telling.said = NULL;
		if (try_to_tell(&telling, taken))
			return true;
	}
	if (is_passing(line))
		return false;
	telling.said = NULL;
	make_plain(&telling);
	return try_to_tell(&telling, taken);
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
 * Tell what was not told yet, a piece of it, as that member; *more: there is more.  False: there
 * is trouble, and it is to be tried again later.
 */
bool
wf_delivery_tell_all(WfLine *line, const WfMembership *as, int timeout, bool *more)
{
	MemoryContext context = CurrentMemoryContext;
	WfOutcome  *outcomes;
	int			n = find(&outcomes, more);
	bool		good = true;

	for (int i = 0; i < n && wf_line_is_open(line); i++)
	{
		bool		taken;

		if (tell(line, as, &outcomes[i], timeout, &taken))
		{
			note(&outcomes[i], taken);
			MemoryContextSwitchTo(context);
		}
		else
			good = false;
	}
	return good;
}

/* What this database has: the highest number, and the runs of the last ones as text. */
static const char *
find_last(int64 *highest)
{
	MemoryContext context = CurrentMemoryContext;
	const char *text = "{}";
	ArrayType  *runs;
	MemoryContext old;

	*highest = 0;
	if (!wf_transaction_begin("looking for the last outcome", InvalidOid))
		return text;
	old = MemoryContextSwitchTo(context);
	*highest = wf_outcome_last(LAST, &runs);
	text = OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(runs));
	MemoryContextSwitchTo(old);
	wf_transaction_commit();
	MemoryContextSwitchTo(context);
	return text;
}

/*
 * Let the other server see whether this database has still what was told of it; *kept: it has,
 * and runs may be claimed.  False: there is trouble.
 */
bool
wf_delivery_is_kept(WfLine *line, const WfMembership *as, int timeout, bool *kept)
{
	int64		highest;
	const char *values[] = {as->id, number(as->epoch), NULL, NULL};

	*kept = true;
	/* a standby keeps nothing */
	if (wf_reply_is_used())
		return true;
	values[3] = find_last(&highest);
	values[2] = number(highest);
	return say(line, KEPT, lengthof(values), values, timeout, kept);
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

	if (say(line, FAIL_ALONE, 4, values, timeout, &taken))
		return true;
	if (is_passing(line))
		return false;
	/* names of ours it may not be able to keep */
	values[2] = error_text(code, wf_quote_plain(message), hint);
	return say(line, FAIL_ALONE, 4, values, timeout, &taken);
}

/* A run was not begun.  False: there is trouble. */
bool
wf_delivery_give_back(WfLine *line, const WfParcel *parcel, int timeout)
{
	const char *values[2] = {wf_uuid_text(&parcel->run), number(parcel->fence)};
	bool		taken;

	return say(line, RELEASE, 2, values, timeout, &taken);
}

/*
 * A run cannot be done here: somebody else does it, or, after a pause, the same one, if there
 * is nobody else.  False: there is trouble.
 */
bool
wf_delivery_decline(WfLine *line, const WfParcel *parcel, const char *pause, int timeout)
{
	const char *values[3] = {wf_uuid_text(&parcel->run), number(parcel->fence), pause};
	bool		taken;

	return say(line, DECLINE, 3, values, timeout, &taken);
}

/* How far a run is that is under way; what the other server does not want to know is no trouble. */
bool
wf_delivery_progress(WfLine *line, int64 fence, const WfProgress *progress, int timeout)
{
	const char *values[5] = {
		wf_uuid_text(&progress->run), number(fence), number(progress->done),
		progress->has_total ? number(progress->total) : NULL,
		progress->has_note ? wf_wire_out(progress->note) : NULL
	};
	bool		taken;

	return say(line, PROGRESS, lengthof(values), values, timeout, &taken) ||
		(wf_line_is_open(line) && !is_passing(line));
}

/* Is a run that is under way wanted still?  False: there is trouble. */
bool
wf_delivery_is_wanted(WfLine *line, const pg_uuid_t *run, int64 fence, int timeout, bool *wanted)
{
	const char *values[2] = {wf_uuid_text(run), number(fence)};

	return say(line, EXTEND, 2, values, timeout, wanted);
}
