/*
 * schedule_chore.h
 *	  Housekeeping as jobs of pg_cron.
 */
#ifndef WF_SCHEDULE_CHORE_H
#define WF_SCHEDULE_CHORE_H

#include "datatype/timestamp.h"

extern void wf_schedule_chore_enter_all(const Interval *keep);
extern void wf_schedule_chore_leave_all(void);

#endif							/* WF_SCHEDULE_CHORE_H */
