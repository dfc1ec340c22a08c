/*
 * delivery.h
 *	  The other server is told what has become of its runs.
 */
#ifndef WF_DELIVERY_H
#define WF_DELIVERY_H

#include "remote/line.h"
#include "remote/parcel.h"
#include "shmem/membership.h"
#include "shmem/progress.h"
#include "store/outcome.h"

extern bool wf_delivery_tell_all(WfLine *line, const WfMembership *as, int timeout, bool *more);
extern bool wf_delivery_is_kept(WfLine *line, const WfMembership *as, int timeout, bool *kept);
extern bool wf_delivery_refuse(WfLine *line, const WfParcel *parcel, const char *code, const char *message,
							   const char *hint, bool final, int timeout);
extern bool wf_delivery_give_back(WfLine *line, const WfParcel *parcel, int timeout);
extern bool wf_delivery_decline(WfLine *line, const WfParcel *parcel, const char *pause, int timeout);
extern bool wf_delivery_progress(WfLine *line, int64 fence, const WfProgress *progress, int timeout);
extern bool wf_delivery_is_wanted(WfLine *line, const pg_uuid_t *run, int64 fence, int timeout, bool *wanted);

#endif							/* WF_DELIVERY_H */
