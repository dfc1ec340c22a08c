/*
 * placed_call.h
 *	  A run of another server is done, and what comes of it is kept.
 */
#ifndef WF_PLACED_CALL_H
#define WF_PLACED_CALL_H

#include "remote/parcel.h"

extern void wf_placed_call(dsm_handle run, Oid role);

#endif							/* WF_PLACED_CALL_H */
