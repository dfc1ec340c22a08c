/*-------------------------------------------------------------------------
 *
 * schedule_sweep.c
 *	  What a sweep asks of the table workflow.schedule.
 *
 * Runs in the runtime of a database (bgworker/sweep.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/version.h"
#include "store/schedule_sweep.h"
#include "store/statement.h"

/* The third column is WF_LANE_SCHEDULES.  By the index schedule_due. */
static WfStatement owners_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 2,"
	" (SELECT s.due FROM workflow.schedule s WHERE s.owner OPERATOR(pg_catalog.=) o.id AND s.due IS NOT NULL"
	"  ORDER BY s.owner, s.due LIMIT 1)"
	" FROM workflow.owner o"
};

/* SQL of versions before 0.3.0 has no schedules. */
static WfStatement no_schedules_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 2, NULL::pg_catalog.timestamptz FROM workflow.owner o"
};

/*
 * Every owner, and when its next schedule is due.  Returns their number; rows are in
 * SPI_tuptable, as of wf_timer_sweep_owners().
 */
uint64
wf_schedule_sweep_owners(void)
{
	return wf_statement_execute(wf_version_has_column("schedule", "id") ? &owners_statement :
								&no_schedules_statement, NULL, NULL, 0);
}
