/*
 * meter.h
 *	  Measures what calls of the author's code cost.
 */
#ifndef WF_METER_H
#define WF_METER_H

#include "executor/instrument.h"
#include "portability/instr_time.h"

#include "shmem/cost.h"

/* Some code whose calls are measured; of a session that has it in its memory. */
typedef struct WfMeter
{
	WfCostKey	key;			/* id 0: it is not measured */
	const char *text;
	struct WfCostEntry *entry;	/* of shared memory, or NULL */
} WfMeter;

/* What was used before a call. */
typedef struct WfMeterReading
{
	bool		taken;			/* false: the call is not measured */
	instr_time	began;
	BufferUsage buffers;
	WalUsage	wal;
} WfMeterReading;

extern void wf_meter_set(WfMeter *meter, WfCostKind kind, int32 id, const char *text);
extern Oid	wf_meter_definitions(void);
extern void wf_meter_begin(const WfMeter *meter, WfMeterReading *reading);
extern void wf_meter_end(WfMeter *meter, const WfMeterReading *reading, bool failed);

#endif							/* WF_METER_H */
