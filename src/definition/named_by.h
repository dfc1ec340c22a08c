/*
 * named_by.h
 *	  Who still names a job or a definition that is dropped.
 */
#ifndef WF_NAMED_BY_H
#define WF_NAMED_BY_H

extern void wf_named_by_warn(const char *name, bool job);

#endif							/* WF_NAMED_BY_H */
