/*
 * attribute.h
 *	  What a definition declares to be searchable, kept beside its processes.
 */
#ifndef WF_SEARCH_H
#define WF_SEARCH_H

#include "process/process.h"

/*
 * Before the row is written: if the context was set, work out what can be
 * searched for and collect what of it has changed.  Only for a process whose
 * definition declares something, or has process->search_anew set.
 */
extern void wf_search_write(WfProcess *process, WfOutput *out);

#endif							/* WF_SEARCH_H */
