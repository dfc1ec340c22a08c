/*-------------------------------------------------------------------------
 *
 * meter.c
 *	  Measures what calls of the author's code cost.
 *
 * Runs in any backend.  What the server counts for each backend anyway, buffers and WAL, is
 * read before and after a call; what a call has others do for it (send() to another
 * process) is in it.  Code that is pure costs next to nothing, and is not measured: who
 * wanted to know its time would spend more of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "base/guc.h"
#include "eval/meter.h"

/* The table of definitions, by which one extension is told from the next. */
Oid
wf_meter_definitions(void)
{
	return get_relname_relid("definition", get_namespace_oid("workflow", false));
}

/* Measure this code of a definition or a job.  text: stays as long as the meter. */
void
wf_meter_set(WfMeter *meter, WfCostKind kind, int32 id, const char *text)
{
	memset(meter, 0, sizeof(*meter));
	meter->key.dbid = MyDatabaseId;
	meter->key.definitions = wf_meter_definitions();
	meter->key.kind = kind;
	meter->key.id = id;
	meter->key.code = hash_bytes_extended((const unsigned char *) text, (int) strlen(text), 0);
	meter->text = text;
}

/* A call begins. */
void
wf_meter_begin(const WfMeter *meter, WfMeterReading *reading)
{
	reading->taken = wf_track_costs && meter->key.id != 0;
	if (!reading->taken)
		return;
	reading->buffers = pgBufferUsage;
	reading->wal = pgWalUsage;
	INSTR_TIME_SET_CURRENT(reading->began);
}

/* It is over, or has failed.  Throws nothing. */
void
wf_meter_end(WfMeter *meter, const WfMeterReading *reading, bool failed)
{
	const BufferUsage *buffers = &reading->buffers;
	WfCosts		costs = {.calls = 1,.failures = failed ? 1 : 0};
	instr_time	took;

	if (!reading->taken)
		return;
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, reading->began);
	costs.time = costs.longest = (int64) (INSTR_TIME_GET_DOUBLE(took) * 1e9);
	costs.shared_hit = pgBufferUsage.shared_blks_hit - buffers->shared_blks_hit;
	costs.shared_read = pgBufferUsage.shared_blks_read - buffers->shared_blks_read;
	costs.shared_dirtied = pgBufferUsage.shared_blks_dirtied - buffers->shared_blks_dirtied;
	costs.shared_written = pgBufferUsage.shared_blks_written - buffers->shared_blks_written;
	costs.temp_read = pgBufferUsage.temp_blks_read - buffers->temp_blks_read;
	costs.temp_written = pgBufferUsage.temp_blks_written - buffers->temp_blks_written;
	costs.wal_records = pgWalUsage.wal_records - reading->wal.wal_records;
	costs.wal_fpi = pgWalUsage.wal_fpi - reading->wal.wal_fpi;
	costs.wal_bytes = (int64) (pgWalUsage.wal_bytes - reading->wal.wal_bytes);
	meter->entry = wf_cost_add(meter->entry, &meter->key, meter->text, &costs);
}
