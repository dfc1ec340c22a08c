/*
 * arrivals.h
 *	  When work is due that has come to a lane, for those who remember where it began.
 */
#ifndef WF_ARRIVALS_H
#define WF_ARRIVALS_H

#include "datatype/timestamp.h"
#include "storage/spin.h"

/* So many are told apart; what comes while nobody reads is one. */
#define WF_ARRIVALS		32

/* Under its spinlock. */
typedef struct WfArrivals
{
	slock_t		mutex;
	bool		read;			/* the last one, by anybody */
	uint64		last;			/* its number; the others have those before it */
	TimestampTz due[WF_ARRIVALS];	/* each at the place that its number has */
} WfArrivals;

extern void wf_arrivals_init(WfArrivals *arrivals);
extern void wf_arrivals_note(WfArrivals *arrivals, TimestampTz due);
extern TimestampTz wf_arrivals_since(WfArrivals *arrivals, uint64 *seen);

#endif							/* WF_ARRIVALS_H */
