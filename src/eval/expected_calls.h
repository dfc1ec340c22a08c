/*
 * expected_calls.h
 *	  What a statement of an author calls, whenever it is looked up.
 */
#ifndef WF_EXPECTED_CALLS_H
#define WF_EXPECTED_CALLS_H

#include "utils/jsonb.h"

/* A statement that is being executed. */
typedef struct WfExpectedCalls
{
	const char *text;
	const Jsonb *calls;			/* what it may call, among others; NULL: anything */
	const char *key;			/* under which they have it */
	struct WfExpectedCalls *outer;
} WfExpectedCalls;

extern void wf_expected_calls_init(void);
extern void wf_expected_calls_begin(WfExpectedCalls *expected);
extern void wf_expected_calls_end(const WfExpectedCalls *expected);

#endif							/* WF_EXPECTED_CALLS_H */
