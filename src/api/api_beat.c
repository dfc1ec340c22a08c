/*-------------------------------------------------------------------------
 *
 * api_beat.c
 *	  Runtimes say that they live, and ask whether it is their turn.
 *
 * Runs in the sessions of runtimes.  Neither locks nor writes anything in the tables, and
 * has no transaction id; see cluster/member_beat.c for the exceptions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/arg.h"
#include "api/result.h"
#include "api/runtime_arg.h"
#include "base/clock.h"
#include "base/quote.h"
#include "cluster/member_beat.h"
#include "cluster/member_files.h"
#include "shmem/placed.h"
#include "store/runtime_row.h"

PG_FUNCTION_INFO_V1(workflow_beat);
PG_FUNCTION_INFO_V1(workflow_heartbeat);
PG_FUNCTION_INFO_V1(workflow_take_turn);

/* id and epoch, the first two arguments.  Error 25006 on a standby. */
static WfMemberBeat
read_beat(FunctionCallInfo fcinfo, const char *function)
{
	WfMemberBeat beat = {.settings = -1,.files = -1};

	beat.id = wf_runtime_arg_id(fcinfo, 0);
	beat.epoch = wf_runtime_arg_epoch(fcinfo, 1);
	PreventCommandDuringRecovery(function);
	return beat;
}

/* A number that only counts up; -1: it is null.  Error 22023. */
static int64
read_position(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		return -1;
	if (PG_GETARG_INT64(n) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", name)));
	return PG_GETARG_INT64(n);
}

static Datum
interval_of(int64 us)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = us;
	return IntervalPGetDatum(interval);
}

static Datum
row_of(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	return wf_result_row(fcinfo, values, nulls);
}

/* May it begin work now, or when next, or null? */
static void
put_turn(Datum *values, bool *nulls, const WfTurnAnswer *turn)
{
	values[0] = BoolGetDatum(turn->mine);
	values[1] = interval_of(turn->mine_for);
	nulls[1] = !turn->mine;
	values[2] = interval_of(turn->next_in);
	nulls[2] = turn->next_in == 0;
}

/*
 * May runs wait for a member alone, with commands that it claims?  Of applications those may
 * that have ever asked for such.
 */
static int
runs_of(const WfMemberRow *row)
{
	TimestampTz due;
	uint64		generation;

	return wf_placed_any(MyDatabaseId) &&
		wf_placed_mark(row->epoch, row->kind != WF_RUNTIME_APPLICATION, &due, &generation) &&
		due <= wf_clock_now();
}

/*
 * SQL function workflow.beat(...) of sql/parts/runtime.sql.
 */
Datum
workflow_beat(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = read_beat(fcinfo, "workflow.beat()");
	WfMemberAnswer answer;
	Datum		values[11];
	bool		nulls[11];

	beat.settings = read_position(fcinfo, 2, "settings");
	beat.files = read_position(fcinfo, 3, "files");
	beat.asks[WF_TURN_TIMER] = beat.asks[WF_TURN_SERVICE] = true;

	memset(nulls, true, sizeof(nulls));
	values[0] = BoolGetDatum(wf_member_beat(&beat, &answer));
	values[1] = TimestampTzGetDatum(wf_clock_now());
	nulls[0] = nulls[1] = false;
	if (DatumGetBool(values[0]))
	{
		memset(nulls, false, sizeof(nulls));
		put_turn(&values[2], &nulls[2], &answer.turns[WF_TURN_TIMER]);
		values[5] = BoolGetDatum(wf_member_beat_everybody(&answer));
		values[6] = BoolGetDatum(answer.turns[WF_TURN_SERVICE].mine);
		values[7] = Int32GetDatum(runs_of(&answer.row));
		values[8] = Int32GetDatum(wf_member_files(beat.id));
		values[9] = Int64GetDatum(answer.cluster.settings);
		values[10] = CStringGetTextDatum(wf_runtime_row_role_name(answer.row.role));
	}
	return row_of(fcinfo, values, nulls);
}

/* SQL function workflow.heartbeat(id, epoch). */
Datum
workflow_heartbeat(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = read_beat(fcinfo, "workflow.heartbeat()");
	WfMemberAnswer answer;

	PG_RETURN_BOOL(wf_member_beat(&beat, &answer));
}

/* The kind of a turn.  Error 22023. */
static WfTurnKind
read_kind(FunctionCallInfo fcinfo, int n)
{
	const char *kind = wf_arg_string(fcinfo, n, "kind");

	if (strcmp(kind, "timer") == 0)
		return WF_TURN_TIMER;
	if (strcmp(kind, "service") == 0)
		return WF_TURN_SERVICE;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid kind of turn \"%s\"", wf_quote(kind)),
			 errdetail("There are timer and service.")));
	return WF_TURN_TIMER;
}

/* SQL function workflow.take_turn(id, epoch, kind). */
Datum
workflow_take_turn(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = read_beat(fcinfo, "workflow.take_turn()");
	WfTurnKind	kind = read_kind(fcinfo, 2);
	TimestampTz now = wf_clock_now();
	WfMemberAnswer answer;
	Datum		values[5];
	bool		nulls[5] = {false};

	beat.asks[kind] = true;
	wf_member_beat_require(&beat, &answer);
	put_turn(values, nulls, &answer.turns[kind]);
	values[1] = TimestampTzGetDatum(now + answer.turns[kind].mine_for);
	values[2] = TimestampTzGetDatum(now + answer.turns[kind].next_in);
	values[3] = Int32GetDatum(answer.cluster.values[WF_CLUSTER_BATCH_SIZE]);
	values[4] = BoolGetDatum(wf_member_beat_everybody(&answer));
	return row_of(fcinfo, values, nulls);
}
