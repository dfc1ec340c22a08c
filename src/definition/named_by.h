/*
 * named_by.h
 *	  Who still names a job, a definition or a queue that is dropped.
 */
#ifndef WF_NAMED_BY_H
#define WF_NAMED_BY_H

extern void wf_named_by_warn(const char *name, bool job);
extern void wf_named_by_warn_of_queue(const char *name, int32 queue);

#endif							/* WF_NAMED_BY_H */
