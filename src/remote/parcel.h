/*
 * parcel.h
 *	  A run of another server that is to be done here.
 */
#ifndef WF_PARCEL_H
#define WF_PARCEL_H

#include "storage/dsm.h"
#include "utils/uuid.h"

#include "remote/line.h"

/* What is known of it, as text: columns of claim_placed(), in the order of the list in parcel.c. */
typedef enum WfParcelField
{
	WF_PARCEL_run,
	WF_PARCEL_fence,
	WF_PARCEL_job,
	WF_PARCEL_version,
	WF_PARCEL_params,
	WF_PARCEL_key,
	WF_PARCEL_partition,
	WF_PARCEL_attempt,
	WF_PARCEL_owner,
	WF_PARCEL_mode,
	WF_PARCEL_command,
	WF_PARCEL_timeout,
	WF_PARCEL_round,
	WF_PARCEL_types,
	WF_PARCEL_tenant,
	WF_PARCEL_position,
	WF_PARCEL_traceparent,
	WF_PARCEL_checkpoints
} WfParcelField;

#define WF_PARCEL_FIELDS	18

typedef struct WfParcel
{
	const char *fields[WF_PARCEL_FIELDS];	/* each may be NULL but for the first three */
	pg_uuid_t	run;
	int64		fence;
	int32		round;
	uint64		position;		/* for a standby: what it has to have replayed before; 0: nothing */
} WfParcel;

extern bool wf_parcel_read(const PGresult *answer, int row, WfParcel *parcel);
extern bool wf_parcel_decode(WfParcel *parcel);
extern bool wf_parcel_is_tracked(const WfParcel *parcel);
extern dsm_segment *wf_parcel_write(const WfParcel *parcel);
extern bool wf_parcel_find(dsm_handle handle, WfParcel *parcel);

#endif							/* WF_PARCEL_H */
