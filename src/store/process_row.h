/*
 * process_row.h
 *	  Processes and timers between their tables and memory.
 */
#ifndef WF_STORE_H
#define WF_STORE_H

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "base/compat.h"

/* The next element of a growing array, zeroed. */
#define wf_grow(array, n, size) \
	((n) == (size) ? \
	 ((size) = (size) == 0 ? 4 : (size) * 2, \
	  (array) = (array) == NULL ? palloc(sizeof(*(array)) * (size)) : \
	  repalloc((array), sizeof(*(array)) * (size))) : 0, \
	 memset(&(array)[n], 0, sizeof(*(array))), \
	 &(array)[(n)++])

typedef enum WfStatus
{
	WF_INITIALIZED,
	WF_RUNNING,
	WF_IDLED,
	WF_FINALIZED,
	WF_TERMINATED,
	WF_ERROR
} WfStatus;

/* The enum value workflow.status of a status. */
extern Oid	wf_status_oid(WfStatus status);
extern const char *wf_status_name(WfStatus status);

/*
 * A process row as read and locked.  Values of varying length are as they came
 * from the table, possibly toasted, so that what a step does not touch
 * is not written anew.
 */
typedef struct WfRow
{
	ItemPointerData tid;
	pg_uuid_t	id;
	int32		definition;
	int32		step;
	WfStatus	status;
	bool		suspended;
	Datum		states;
	Datum		context;
	Datum		history;		/* 0: null */
	Datum		children;		/* 0: null */
	Datum		output;			/* 0: null; set when it ends, never read */
	bool		has_parent;
	pg_uuid_t	parent;
	const char *invoke;			/* its id there */
	int			depth;			/* 0: no child */
	struct WfProcess *process;	/* the stepper's: of the row in its batch */
	bool		overtaken;		/* claimed: some of its timers had been taken and
								 * maybe put back by somebody else meanwhile; what
								 * was claimed may not be its first ones */
} WfRow;

/* A timer row as claimed. */
typedef struct WfTimerRow
{
	pg_uuid_t	process;
	int64		seq;
	TimestampTz due;
	int			attempts;
	const char *event;
	const char *name;			/* or NULL */
	const char *state;			/* or NULL */
	const char *actor;			/* or NULL */
	Jsonb	   *data;			/* or NULL */
	bool		from_child;		/* counts only while the sender is a child */
	pg_uuid_t	child;
} WfTimerRow;

/* Is it over, so that nothing can ever happen to it again? */
extern bool wf_row_is_over(const WfRow *row);

/*
 * Lock processes (FOR NO KEY UPDATE).  SPI must be connected; results are in
 * its memory, good until SPI_finish().
 *
 * wf_lock_process: false when there is none.  nowait: error WF005 when it is
 * locked by somebody else.
 * wf_lock_process_if_free: false when there is none, or it is locked.
 * wf_lock_processes: in the order of ids; returns how many were found; with
 * nowait those that are locked are left out.
 */
extern bool wf_read_process(const pg_uuid_t *id, WfRow *row);	/* no lock */
extern bool wf_lock_process_if_free(const pg_uuid_t *id, WfRow *row);
extern bool wf_lock_process(const pg_uuid_t *id, bool nowait, WfRow *row);
extern int	wf_read_processes(ArrayType *ids, WfRow **rows);	/* no lock */
extern int	wf_lock_processes(ArrayType *ids, bool nowait, WfRow **rows);

/*
 * Claim due timers of an owner: at most `limit`, behind (after, seq) and due
 * up to `until`,
 * whose processes nobody holds.  Locks the processes, deletes the timers.
 * Timers come in delivery order (due, seq); rows[i] is the process of
 * timers[i], equal pointers for equal processes.  A snapshot older than this
 * call must be active.
 */
extern int	wf_claim(int32 owner, TimestampTz after, int64 seq, TimestampTz until, int limit,
					 WfTimerRow **timers, WfRow ***rows);

/* Earliest due time of a visible timer of the owner from `mark` on, locked or not. */
extern TimestampTz wf_next_due(int32 owner, TimestampTz mark);

/*
 * All timers of a process that we hold wait until wf_unpark_timers(), which
 * announces them to the owner's executors.
 */
extern void wf_park_timers(const pg_uuid_t *process);
extern void wf_unpark_timers(const pg_uuid_t *process, int32 owner);

/* Tell the wake room of the due times in column 1 of SPI's last result. */
extern void wf_announce_returned(int32 owner);

/* What steps of one transaction write: sets of rows. */
typedef struct WfOutput WfOutput;

/*
 * claimed: the owner whose timers this transaction claimed, 0 if none; its
 * new timers are the claimer's to announce (see wake.h), all others are
 * announced here.
 */
extern WfOutput *wf_output_new(int32 claimed);

/* Who takes what would be written of timers, when nothing is to be written. */
typedef struct WfOutputSink
{
	void		(*disarm) (struct WfOutputSink *self, const pg_uuid_t *process,
						   const char *state, const char *name);
	void		(*arm) (struct WfOutputSink *self, const WfTimerRow *timer,
						bool parked, bool if_absent);
} WfOutputSink;

/* Write nothing, announce nothing: timers go to the sink, the rest nowhere. */
extern void wf_output_divert(WfOutput *out, WfOutputSink *sink);

extern void wf_output_start(WfOutput *out, const WfRow *row, TimestampTz at,
							Oid starter, const char *key);
extern void wf_output_step(WfOutput *out, const WfRow *row, TimestampTz at);
/* Another version: definition, step, states and history of the row. */
extern void wf_output_migrate(WfOutput *out, const WfRow *row, TimestampTz at);
extern void wf_output_history(WfOutput *out, const WfRow *row, const char *event,
							  TimestampTz at, TimestampTz due, bool taken,
							  Datum from_states, Datum to_states,
							  const char *actor, Jsonb *data, const char *reason);
/* state and name NULL: all timers of the process. */
extern void wf_output_disarm(WfOutput *out, const pg_uuid_t *process,
							 const char *state, const char *name);
/* timer->seq 0: a new one.  if_absent: not when (state, name) is there. */
extern void wf_output_arm(WfOutput *out, const WfTimerRow *timer, int32 owner,
						  bool parked, bool if_absent);
/*
 * A child of this process is let go: what it sent until now counts, even when
 * it is delivered later; nothing that it sends from now on does.
 */
extern void wf_output_let_go(WfOutput *out, const pg_uuid_t *process,
							 const pg_uuid_t *child);
/* An event is kept for later, as `state` wants it; it waits no longer (seq 0: none). */
extern void wf_output_defer(WfOutput *out, const WfTimerRow *event, const char *state);
extern void wf_output_recall(WfOutput *out, const pg_uuid_t *process, int64 seq);
/* Its definition, with this name, is paused: a process with parked timers. */
extern void wf_output_rest(WfOutput *out, const char *definition,
						   const pg_uuid_t *process);
/* What a process can be searched by: forget (name NULL: all), then add. */
extern void wf_output_forget(WfOutput *out, const pg_uuid_t *process, const char *name);
extern void wf_output_attribute(WfOutput *out, const pg_uuid_t *process,
								const char *definition, const char *name, Jsonb *value);
/*
 * A claimed timer needs no more attempts: its event went well, or is dropped.
 * If it had failed before, its failure goes; the timer itself is in no table.
 */
extern void wf_output_settled(WfOutput *out, const WfTimerRow *timer);

/*
 * Write everything, one table after the other: processes, history, timers gone,
 * timers new.  Returns the earliest due time of a timer of the claimed owner
 * that was written (infinity: none).
 */
extern TimestampTz wf_output_write(WfOutput *out);

#endif							/* WF_STORE_H */
