/*
 * migrate_pending.h
 *	  What migrate.c and migrate_pending.c share; nobody else includes it.
 */
#ifndef WF_MIGRATE_PENDING_H
#define WF_MIGRATE_PENDING_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "migrate/migrate.h"
#include "migrate/route.h"
#include "process/process.h"
#include "store/process_row.h"
#include "store/timer.h"

/* A timer of a state that is active in the new version. */
typedef struct WfPlace
{
	const WfState *state;
	const WfTimer *timer;
	bool		taken;			/* a running one came here */
} WfPlace;

/* Rows of timers to be dropped or renamed. */
typedef struct WfTimerChanges
{
	int			n;
	int			size;
	Datum	   *processes;
	Datum	   *seqs;
	Datum	   *events;
	Datum	   *states;
} WfTimerChanges;

/* A batch under way. */
typedef struct WfMigrateBatch
{
	WfMigration *migration;
	WfStepper  *stepper;
	WfMachine  *machine;		/* of the new version, lent to each process */
	TimestampTz now;
	WfPending  *pending;		/* in the order of processes */
	int			npending;
	int			at;				/* the first of the process at hand */
	WfTimerChanges dropped;
	WfTimerChanges renamed;
	const char *known_event;	/* the last that was looked up, */
	bool		known;			/* and whether the new version reacts to it */
} WfMigrateBatch;

/* The process at hand. */
typedef struct WfMove
{
	WfMigrateBatch *batch;
	const WfRoute *route;
	WfProcess  *process;
	WfMigrated *result;
	WfPending  *pending;
	int			npending;
	bool	   *was_active;		/* by state of the old version */
	WfStateId  *targets;
	int			ntargets;
	WfPlace	   *places;
	int			nplaces;
	WfEvent		event;			/* for delay expressions */
	WfPayload	payload;
} WfMove;

/* Something gets lost or goes elsewhere: the result says so. */
static inline void
wf_migrate_pending_problem(WfMove *move, const char *problem, const char *name, const char *message)
{
	move->result->problems = lappend(move->result->problems,
									 wf_route_problem(problem, name, message));
}

extern void wf_migrate_pending_load(WfMigrateBatch *batch, const WfRow *rows, int n);
extern void wf_migrate_pending_take(WfMigrateBatch *batch, const pg_uuid_t *id, WfMove *move);
extern void wf_migrate_pending_move(WfMove *move);
extern void wf_migrate_pending_write(WfMigrateBatch *batch);

#endif							/* WF_MIGRATE_PENDING_H */
