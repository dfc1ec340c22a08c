/*
 * reply.h
 *	  On a standby: what became of a run, from the executor to the courier.
 */
#ifndef WF_REPLY_H
#define WF_REPLY_H

#include "store/outcome.h"

extern void wf_reply_begin(void);
extern bool wf_reply_is_used(void);
extern void wf_reply_leave(const WfOutcome *outcome);
extern bool wf_reply_take(int place, const pg_uuid_t *run, int64 fence);
extern void wf_reply_drop(int place);
extern int	wf_reply_untold(int most, WfOutcome **outcomes);
extern void wf_reply_told(const WfOutcome *outcome);

#endif							/* WF_REPLY_H */
