/*
 * postponed.h
 *	  Runs of another server that were claimed, and that no executor can take just now.
 */
#ifndef WF_POSTPONED_H
#define WF_POSTPONED_H

#include "lib/stringinfo.h"

#include "remote/parcel.h"

extern void wf_postponed_begin(void);
extern ErrorData *wf_postponed_give(const WfParcel *parcel, Oid role);
extern bool wf_postponed_give_again(void);
extern void wf_postponed_forget(void);
extern bool wf_postponed_any(void);
extern void wf_postponed_list(StringInfo runs);
extern bool wf_postponed_is_behind(uint64 *position);

#endif							/* WF_POSTPONED_H */
