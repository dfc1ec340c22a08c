/*
 * fence.h
 *	  Numbers by which is known who may still do something.
 */
#ifndef WF_FENCE_H
#define WF_FENCE_H

extern int64 wf_fence_make(void);

#endif							/* WF_FENCE_H */
