/*
 * heap_find.h
 *	  Finds rows of our own tables by their keys, and locks them, without a plan.
 */
#ifndef WF_HEAP_FIND_H
#define WF_HEAP_FIND_H

#include "access/attnum.h"
#include "storage/itemptr.h"

#include "shmem/inval.h"

#define WF_HEAP_FIND_KEYS	3
#define WF_HEAP_FIND_COLUMNS	40

/*
 * How rows of a table are found: by all columns of its primary key.  Static, and
 * filled in but for what is looked up, which is kept until the table changes.
 */
typedef struct WfHeapFind
{
	WfInval		watch;			/* with the name of the table */
	int			nkeys;
	const char *keys[WF_HEAP_FIND_KEYS];	/* in the order of the primary key */
	int			ncolumns;
	const char *const *columns; /* what is read; ctid may be one of them */
	int			nnew;			/* so many of the last ones older versions of the table
								 * do not have: then they are null */

	/* looked up */
	Oid			index;
	AttrNumber	key_numbers[WF_HEAP_FIND_KEYS];
	Oid			collations[WF_HEAP_FIND_KEYS];
	RegProcedure equals[WF_HEAP_FIND_KEYS];
	AttrNumber	numbers[WF_HEAP_FIND_COLUMNS];
} WfHeapFind;

/*
 * May the row be locked?  Throws if not.  The values are those of the columns, 0 for
 * null.
 */
typedef void (*WfHeapCheck) (const Datum *values, const void *arg);

typedef struct WfHeapLocker WfHeapLocker;

extern bool wf_heap_find(WfHeapFind *find, const Datum *keys, Datum *values, bool *nulls);
extern bool wf_heap_find_lock(WfHeapFind *find, const Datum *keys, bool wait,
							  WfHeapCheck check, const void *arg, Datum *values,
							  bool *nulls);
extern WfHeapLocker *wf_heap_find_begin_locking(WfHeapFind *find);
extern bool wf_heap_find_look(WfHeapLocker *locker, const Datum *keys, Datum *values, bool *nulls);
extern bool wf_heap_find_lock_at(WfHeapLocker *locker, const ItemPointerData *tid, bool wait,
								 Datum *values, bool *nulls);
extern bool wf_heap_find_lock_next(WfHeapLocker *locker, const Datum *keys, Datum *values,
								bool *nulls);
extern void wf_heap_find_end_locking(WfHeapLocker *locker);

#endif							/* WF_HEAP_FIND_H */
