/*
 * heap_scan.h
 *	  Reads rows of our own tables in the order of an index, without a plan.
 */
#ifndef WF_HEAP_SCAN_H
#define WF_HEAP_SCAN_H

#include "access/attnum.h"
#include "access/skey.h"
#include "storage/itemptr.h"

#include "shmem/inval.h"

#define WF_HEAP_SCAN_COLUMNS	40
#define WF_HEAP_SCAN_MEMBERS	6
#define WF_HEAP_SCAN_KEYS		8

/*
 * In which index of which table is read, and what.  Static, and filled in but for what
 * is looked up, which is kept until the table changes.
 */
typedef struct WfHeapScanOf
{
	WfInval		watch;			/* with the name of the table */
	const char *index;			/* its name, */
	const char *definition;		/* and how the script of the extension creates it */
	int			nkeys;
	const char *const *keys;	/* its columns, in their order */
	int			ncolumns;
	const char *const *columns; /* what is read; null where an older version of the
								 * table does not have it */

	/* looked up */
	Oid			index_oid;
	AttrNumber	numbers[WF_HEAP_SCAN_COLUMNS];
} WfHeapScanOf;

/* A member of a row comparison: a column of the index, by its type. */
typedef struct WfHeapScanMember
{
	AttrNumber	key;
	Oid			type;
	Datum		value;
} WfHeapScanMember;

/* A row comparison, which its scan key points to. */
typedef struct WfHeapScanBound
{
	ScanKeyData members[WF_HEAP_SCAN_MEMBERS];
} WfHeapScanBound;

typedef struct WfHeapScan WfHeapScan;

extern WfHeapScan *wf_heap_scan_open(WfHeapScanOf *of);
extern void wf_heap_scan_equal(ScanKey key, WfHeapScanMember member);
extern void wf_heap_scan_side(ScanKey key, bool greater, WfHeapScanMember member);
extern void wf_heap_scan_bound(ScanKey key, WfHeapScanBound *bound, StrategyNumber strategy,
							   int n, const WfHeapScanMember *members);
extern void wf_heap_scan_begin(WfHeapScan *scan, int nkeys, ScanKey keys);
extern bool wf_heap_scan_peek(WfHeapScan *scan, int nkeys, ScanKey keys, Datum *columns);
extern bool wf_heap_scan_peeked(WfHeapScan *scan, Datum *values, bool *nulls, ItemPointer tid);
extern bool wf_heap_scan_next(WfHeapScan *scan, Datum *values, bool *nulls, ItemPointer tid);
extern void wf_heap_scan_close(WfHeapScan *scan);

#endif							/* WF_HEAP_SCAN_H */
