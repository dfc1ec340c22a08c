/*
 * early.h
 *	  The table workflow.early: events that came before their processes.
 */
#ifndef WF_EARLY_H
#define WF_EARLY_H

#include "datatype/timestamp.h"

#include "store/timer.h"

/* An event that was kept for the process with a key. */
typedef struct WfEarly
{
	const char *key;
	WfTimerRow	timer;			/* without process */
} WfEarly;

extern void wf_early_keep(const char *definition, const WfEarly *early, TimestampTz until);
extern int	wf_early_take(const char *definition, ArrayType *keys, WfEarly **events);
extern bool wf_early_expire(void);
extern void wf_early_drop(const char *definition);

#endif							/* WF_EARLY_H */
