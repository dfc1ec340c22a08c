/*-------------------------------------------------------------------------
 *
 * run_turn.c
 *	  Whose turn it is in a partition of an ordered queue.
 *
 * Runs in any session.  Of such a partition the run comes next that was due first when
 * it was made, of whatever job and owner it is, and whatever it is at: one that waits
 * for its next attempt, or for a signal, holds those behind it, and so does one that
 * runs, or has failed where that blocks.
 *
 * Who has the permit of the partition and looks then, with a snapshot of its own, sees
 * the end of the run before: its permit came back after that was visible.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "run/run_turn.h"
#include "store/run.h"
#include "store/statement.h"

struct WfRunTurn
{
	WfRunScan  *scan;
};

/* Begin to read the runs of a partition in their order, as they are now. */
WfRunTurn *
wf_run_turn_begin(int32 queue, int64 part)
{
	WfRunTurn  *turn = palloc(sizeof(WfRunTurn));

	wf_statement_push_snapshot();
	turn->scan = wf_run_scan_open(WF_RUN_BY_ORDER);
	wf_run_scan_begin_order(turn->scan, queue, part);
	return turn;
}

/* The next one; its values are there until the one after it is asked for. */
bool
wf_run_turn_next(WfRunTurn *turn, WfRunRow *row)
{
	return wf_run_scan_next(turn->scan, row);
}

/* An error ends it, too. */
void
wf_run_turn_end(WfRunTurn *turn)
{
	wf_run_scan_close(turn->scan);
	PopActiveSnapshot();
	pfree(turn);
}

/* Is it a run that waits for nothing but its turn? */
bool
wf_run_turn_may_begin(const WfRunRow *row, TimestampTz until)
{
	return DatumGetInt16(row->values[WF_RUN_state]) == WF_RUN_WAITING &&
		DatumGetBool(row->values[WF_RUN_ready]) && wf_run_row_due(row) <= until;
}

/* The first run of a partition, copied; false: there is none. */
bool
wf_run_turn_first(int32 queue, int64 part, WfRunRow *row)
{
	WfRunTurn  *turn = wf_run_turn_begin(queue, part);
	bool		found = wf_run_turn_next(turn, row);

	if (found)
		*row = *wf_run_row_copy(row);
	wf_run_turn_end(turn);
	return found;
}

/* Is it this one's? */
bool
wf_run_turn_is(const WfRunRow *row)
{
	WfRunRow	first;

	return wf_run_turn_first(DatumGetInt32(row->values[WF_RUN_queue]),
							 DatumGetInt64(row->values[WF_RUN_part]), &first) &&
		wf_run_row_seq(&first) == wf_run_row_seq(row);
}

/*
 * A run of an ordered queue that is not among those which are read in their order: it
 * came while the queue was made one that is ordered.  Unless somebody has it.
 */
void
wf_run_turn_enter(const WfRunRow *row)
{
	WfRunRow	mine;

	if (!wf_run_lock(wf_run_row_id(row), false, &mine))
		return;
	wf_run_row_set(&mine, WF_RUN_ordered, BoolGetDatum(true));
	wf_run_update(&mine);
}
