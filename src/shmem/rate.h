/*
 * rate.h
 *	  How many units were spent within an interval before now.
 */
#ifndef WF_RATE_H
#define WF_RATE_H

#include "datatype/timestamp.h"

/* An interval is so many pieces, and what is counted one more. */
#define WF_RATE_PIECES	64

typedef struct WfRate
{
	int64		piece;			/* us; 0: what was spent is not known */
	int64		newest;			/* the last piece in which something was spent; then: */
	int32		spent[WF_RATE_PIECES + 1];	/* by pieces, those since then */
} WfRate;

/* What was spent at an instant, real. */
typedef struct WfRateMoment
{
	TimestampTz at;
	int			units;
} WfRateMoment;

/* A rate that nothing is known of. */
static inline bool
wf_rate_is_known(const WfRate *rate)
{
	return rate->piece > 0;
}

extern void wf_rate_begin(WfRate *rate, int64 interval, TimestampTz now, int n,
						  const WfRateMoment *past);
extern bool wf_rate_has(WfRate *rate, int64 interval, int64 limit, int units, TimestampTz now,
						TimestampTz *retry_at);
extern void wf_rate_spend(WfRate *rate, int units);
extern void wf_rate_move(WfRate *rate, int64 interval, int units, TimestampTz from, TimestampTz now);
extern bool wf_rate_counts(const WfRate *rate, TimestampTz now);

#endif							/* WF_RATE_H */
