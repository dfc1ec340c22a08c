/*
 * setback.h
 *	  What becomes of a simulated process when one of its events fails.
 */
#ifndef WF_SETBACK_H
#define WF_SETBACK_H

#include "simulate/simulate.h"
#include "store/process_row.h"
#include "store/timer.h"

extern List *wf_setback(WfSimulation *sim, const WfTimerRow *timer, WfRow *row);
extern bool wf_setback_is_over(const WfSimulation *sim, const WfStimulus *stimulus);

#endif							/* WF_SETBACK_H */
