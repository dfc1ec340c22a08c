/*
 * patience.h
 *	  How often something is tried, when it is told of, and the pauses between.
 */
#ifndef WF_PATIENCE_H
#define WF_PATIENCE_H

#include "datatype/timestamp.h"

/* Begins as zeroes: nothing has failed. */
typedef struct WfPatience
{
	int			failures;		/* in a row */
	int64		next_at;		/* not to be tried before; steady */
} WfPatience;

extern bool wf_patience_is_over(const WfPatience *patience);
extern void wf_patience_failed(WfPatience *patience, int interval, int count, const char *what, const char *trouble);
extern void wf_patience_succeeded(WfPatience *patience, const char *what);

#endif							/* WF_PATIENCE_H */
