/*
 * run_asked.h
 *	  What runs were asked while others were at them.
 */
#ifndef WF_RUN_ASKED_H
#define WF_RUN_ASKED_H

#include "datatype/timestamp.h"

extern TimestampTz wf_run_asked_settle(bool *more);

#endif							/* WF_RUN_ASKED_H */
