/*
 * change_sets.h
 *	  What changes.c collects and changes_write.c writes.
 */
#ifndef WF_CHANGE_SETS_H
#define WF_CHANGE_SETS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "store/heap.h"
#include "store/timer.h"

/* Sets of rows, in the order in which they are written. */
typedef enum WfSetKind
{
	WF_SET_STARTED,
	WF_SET_STEPPED,
	WF_SET_MIGRATED,
	WF_SET_NOTED,
	WF_SET_DISARMED,
	WF_SET_ARMED,
	WF_SET_LET_GO,
	WF_SET_RECALLED,
	WF_SET_DEFERRED,
	WF_SET_RECOVERED,
	WF_SET_RESTING,
	WF_SET_FORGOTTEN,
	WF_SET_SEARCHABLE,
	WF_NSETS
} WfSetKind;

/* Rows that were put into a set. */
typedef struct WfSetRows
{
	WfHeapRow *rows;
	int			n;
	int			size;
} WfSetRows;

/* What steps of one transaction write: sets of rows. */
typedef struct WfChanges WfChanges;

/* Who takes what would be written of timers, when nothing is to be written. */
typedef struct WfChangesObserver
{
	void		(*disarm) (struct WfChangesObserver *self, const pg_uuid_t *process,
						   const char *state, const char *name);
	void		(*arm) (struct WfChangesObserver *self, const WfTimerRow *timer,
						bool parked, bool if_absent);
} WfChangesObserver;

struct WfChanges
{
	MemoryContext context;
	WfSetRows	sets[WF_NSETS];
	bool		looks;			/* some timer is armed only if there is none */
	WfChangesObserver *sink;			/* or NULL: the tables */
	int32		claimed;		/* owner, or 0 */
	TimestampTz next;			/* earliest new timer of that owner */
};

/* Columns that are known last, or wanted alone. */
#define WF_STEPPED_TID	0
#define WF_NOTED_SLOT	11
#define WF_ARMED_SEQ	1

#endif							/* WF_CHANGE_SETS_H */
