/*
 * crew.h
 *	  The executors of the courier, and what each of them is at.
 */
#ifndef WF_CREW_H
#define WF_CREW_H

#include "lib/stringinfo.h"

#include "remote/delivery.h"

extern void wf_crew_begin(void);
extern int	wf_crew_room(void);
extern void wf_crew_list(StringInfo runs);
extern bool wf_crew_give(const WfParcel *parcel, Oid role);
extern void wf_crew_look(void);
extern bool wf_crew_tell_lost(WfLine *line, int timeout);
extern bool wf_crew_look_after(WfLine *line, int timeout);
extern void wf_crew_give_up(void);
extern bool wf_crew_is_at_work(void);

#endif							/* WF_CREW_H */
