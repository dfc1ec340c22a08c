/*
 * cost.h
 *	  What the authors' code has cost.
 */
#ifndef WF_COST_H
#define WF_COST_H

#include "datatype/timestamp.h"

/* So much of the text of some code is kept (bytes). */
#define WF_COST_TEXT		200

typedef enum WfCostKind
{
	WF_COST_DEFINITION,			/* id: definition.id */
	WF_COST_JOB					/* id: job.id */
} WfCostKind;

/* What is told apart.  Zeroed before it is filled in: it is compared as bytes. */
typedef struct WfCostKey
{
	Oid			dbid;
	Oid			definitions;	/* the table of definitions: it is another one when the
								 * extension was dropped and created */
	int32		kind;
	int32		id;
	uint64		code;			/* a hash of the text */
} WfCostKey;

/* What calls have taken, those that failed included. */
typedef struct WfCosts
{
	int64		calls;
	int64		failures;
	int64		time;			/* ns */
	int64		longest;		/* ns */
	int64		shared_hit;		/* blocks, as in pg_stat_statements */
	int64		shared_read;
	int64		shared_dirtied;
	int64		shared_written;
	int64		temp_read;
	int64		temp_written;
	int64		wal_records;
	int64		wal_fpi;
	int64		wal_bytes;
} WfCosts;

typedef struct WfCostLine
{
	WfCostKey	key;
	TimestampTz since;			/* from then on it was measured */
	WfCosts		costs;
	char		text[WF_COST_TEXT + 1];
} WfCostLine;

struct WfCostEntry;

extern Size wf_cost_shmem_size(void);
extern void wf_cost_shmem_attach(void *segment, bool created);
extern struct WfCostEntry *wf_cost_add(struct WfCostEntry *entry, const WfCostKey *key, const char *text,
									   const WfCosts *costs);
extern int	wf_cost_list(Oid definitions, WfCostLine **lines);
extern int64 wf_cost_reset(Oid definitions);

#endif							/* WF_COST_H */
