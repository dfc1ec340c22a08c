/*-------------------------------------------------------------------------
 *
 * member_outcome.c
 *	  Which outcomes of runs another server has told, and whether it has them still.
 *
 * Runs in the sessions of runtimes that do placed runs in a database of their own.  There
 * each outcome has a number, which grows, and is told with it; the highest one stands in
 * the row of the runtime.  One that comes back with less was restored from a backup, or works
 * in another database now: runs have ended here of whose work nothing is there.  It does
 * nothing until somebody who knows what to do about that has approved it.
 *
 * Locks: the row of the runtime, possibly while runs are locked.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "cluster/member_load.h"
#include "cluster/member_outcome.h"
#include "cluster/member_right.h"
#include "shmem/member.h"
#include "shmem/member_change.h"
#include "shmem/wakeup.h"
#include "store/runtime_row.h"
#include "store/statement.h"

/* So many runs are named in the log; and so many are looked for in a queue. */
#define NAMED		20
#define MOST_TEXT	"10000"

/* When the last one of these has ended, of those that are remembered. */
static WfStatement ended_statement = {
	.sql = "SELECT pg_catalog.max(h.ended_at) FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID)
};

/* What a runtime has done of queues since then, as far as it is remembered. */
static WfStatement lost_statement = {
	.sql = "SELECT h.run FROM workflow.queue q CROSS JOIN LATERAL ("
	"SELECT r.run, r.ended_at, r.worker FROM workflow.run_history r WHERE r.queue OPERATOR(pg_catalog.=) q.id"
	" AND r.ended_at OPERATOR(pg_catalog.>) $2 ORDER BY r.ended_at LIMIT " MOST_TEXT ") h"
	" WHERE h.worker OPERATOR(pg_catalog.=) $1 ORDER BY h.ended_at",
	WF_ARGS(TEXTOID, TIMESTAMPTZOID)
};

/* Is the epoch that of a runtime that lives?  Error WF018 if it is another role's. */
static bool
is_heard(const char *id, int64 epoch)
{
	WfMemberRow row;
	bool		any;

	wf_member_load_if_changed();
	if (wf_member_find(id, &row, &any) != WF_MEMBER_HEARD)
		return false;
	wf_member_right_require(row.id, row.login, NULL);
	return row.epoch == epoch;
}

/* A runtime of that epoch has told the outcome with that number; false: the epoch is over. */
bool
wf_member_outcome_told(const char *id, int64 epoch, int64 number)
{
	if (!is_heard(id, epoch))
		return false;
	if (number > 0 && wf_runtime_row_told(id, epoch, number))
		wf_wakeup_claiming();	/* a prepared transaction would have its row for as long as it likes */
	return true;
}

/* --- one that was restored ------------------------------------------------------------ */

/* When the last of these runs has ended: what a runtime has since then may be lost. */
static TimestampTz
end_of(ArrayType *runs)
{
	Datum		value = PointerGetDatum(runs);
	bool		isnull;
	Datum		ended;

	(void) wf_statement_execute(&ended_statement, &value, NULL, 1);
	ended = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? DT_NOBEGIN : DatumGetTimestampTz(ended);
}

/* The runs that a statement has found, the first ones. */
static char *
list_runs(int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < Min(n, NAMED); i++)
	{
		bool		isnull;
		Datum		run = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		appendStringInfo(&list, "%s%s", i == 0 ? "" : ", ", wf_uuid_text(DatumGetUUIDP(run)));
	}
	return list.data;
}

/* Let people know.  Of one that has nothing all runs are meant that there are, which are not counted. */
static void
raise_alarm(const char *id, TimestampTz to)
{
	Datum		values[2] = {CStringGetTextDatum(id), TimestampTzGetDatum(to)};
	int			n = to == DT_NOBEGIN ? 0 : (int) wf_statement_execute(&lost_statement, values, NULL, 0);

	ereport(LOG,
			(errmsg("workflow runtime \"%s\" has less than it has told, as if it was restored from a backup", wf_quote(id)),
			 to == DT_NOBEGIN ? errdetail("Whatever it has done may be lost there.") :
			 n == 0 ? errdetail("Nothing that has ended since %s is remembered here.", timestamptz_to_str(to)) :
			 errdetail("What it did of %d runs that have ended since %s may be lost there: %s%s", n,
					   timestamptz_to_str(to), list_runs(n), n > NAMED ? ", ..." : ""),
			 errhint("It does nothing until workflow.approve_runtime().")));
}

/* A runtime of that epoch has less than it has told, unless somebody has seen to that meanwhile. */
static void
mark_restored(const char *id, int64 epoch, int64 number, ArrayType *runs)
{
	WfRuntimeRow row;
	int64		told;
	bool		restored;
	TimestampTz to;

	if (!wf_runtime_row_lock(id, &row) || !wf_runtime_row_outcomes(id, epoch, &told, &restored) ||
		restored || number >= told)
		return;
	to = end_of(runs);
	wf_runtime_row_restored(id, to);
	wf_member_change_row();
	raise_alarm(id, to);
}

/*
 * Has a runtime still what it has told?  number: the highest one that it has; runs: those
 * that its last ones have ended.  False: not, and it is not approved any more.  Errors WF012 if
 * the epoch is over, WF018 if it is another role's.
 */
bool
wf_member_outcome_kept(const char *id, int64 epoch, int64 number, ArrayType *runs)
{
	int64		told;
	bool		restored;

	if (!is_heard(id, epoch) || !wf_runtime_row_outcomes(id, epoch, &told, &restored))
		ereport(ERROR,
				(errcode(WF_ERR_FENCE),
				 errmsg("the epoch is not that of runtime \"%s\"", wf_quote(id)),
				 errhint("Stop what it does, and register it anew.")));
	if (!restored && number >= told)
		return true;
	if (!restored)
		mark_restored(id, epoch, number, runs);
	return false;
}
