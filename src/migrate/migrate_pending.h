/*
 * migrate_pending.h
 *	  A batch of migrations under way, shared by migrate.c and migrate_pending.c.
 */
#ifndef WF_MIGRATE_PENDING_H
#define WF_MIGRATE_PENDING_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "migrate/migrate.h"
#include "migrate/route.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "store/process_row.h"
#include "store/timer.h"

/* A timer of a state that is active in the new version. */
typedef struct WfPlace
{
	const WfState *state;
	const WfTimer *timer;
	bool		taken;			/* a timer of the old version becomes this one */
} WfPlace;

/* Rows of timers and failures to be deleted, or to get another event and state. */
typedef struct WfTimerChanges
{
	int			n;
	int			size;
	Datum	   *processes;
	Datum	   *seqs;
	Datum	   *events;
	Datum	   *states;
} WfTimerChanges;

/* Timers that are armed, and may have gone off before. */
typedef struct WfAgain
{
	int			n;
	int			size;
	struct WfAgainItem
	{
		WfMigrated *result;
		const WfPlace *place;
	}		   *items;
} WfAgain;

/* What a migration is at, for the message of an error. */
typedef enum WfMoveStage
{
	WF_MOVE_OTHER,
	WF_MOVE_TIMER,				/* name: its event */
	WF_MOVE_INVOKES,			/* name: the id of the invoke */
	WF_MOVE_SEARCH
} WfMoveStage;

/* The processes that are migrated together, in the order of their ids. */
typedef struct WfMigrateBatch
{
	WfMigration *migration;
	WfStepper  *stepper;
	WfMachine  *machine;		/* of the new version, used for one after another */
	TimestampTz now;
	WfPending  *pending;		/* of all processes, in their order */
	int			npending;
	int			at;				/* the first one that was not taken yet */
	WfTimerChanges dropped;
	WfTimerChanges renamed;
	WfAgain		again;
	const char *known_event;	/* the event last looked up by is_known(), */
	bool		known;			/* and its result */
} WfMigrateBatch;

/* The migration of one process. */
typedef struct WfMove
{
	WfMigrateBatch *batch;
	const WfRoute *route;
	WfProcess  *process;
	WfMigrated *result;
	WfPending  *pending;		/* its part of the batch's */
	int			npending;
	bool	   *was_active;		/* by state of the old version */
	WfStateId  *targets;		/* states of the new version to be active */
	int			ntargets;
	WfPlace	   *places;
	int			nplaces;
	WfEvent		event;			/* what expressions see as their event */
	WfPayload	payload;
	WfMoveStage stage;
	const char *name;			/* of what it is at, or NULL */
} WfMove;

/* Add a problem to the result: something that is lost, or becomes another thing. */
static inline void
wf_migrate_pending_problem(WfMove *move, const char *problem, const char *name, const char *message)
{
	move->result->problems = lappend(move->result->problems,
									 wf_route_problem(problem, name, message));
}

extern void wf_migrate_pending_load(WfMigrateBatch *batch, const WfRow *rows, int n);
extern void wf_migrate_pending_take(WfMigrateBatch *batch, const pg_uuid_t *id, WfMove *move);
extern void wf_migrate_pending_move(WfMove *move);
extern void wf_migrate_pending_say_again(WfMigrateBatch *batch);
extern void wf_migrate_pending_write(WfMigrateBatch *batch);

#endif							/* WF_MIGRATE_PENDING_H */
