/*
 * bisect.h
 *	  How large the next batch is: after one that went well, and after one
 *	  that failed.
 */
#ifndef WF_BISECT_H
#define WF_BISECT_H

#include "datatype/timestamp.h"

#include "work/work.h"

extern void wf_bisect_begin_small(WfWork *work);
extern void wf_bisect_grow(WfWork *work);
extern WfWorkResult wf_bisect_failed(WfWork *work, const ErrorData *error,
									 TimestampTz *next);
extern TimestampTz wf_bisect_short_delay(void);

#endif							/* WF_BISECT_H */
