/*
 * queue_right.h
 *	  Who may do what with queues and named limits.
 */
#ifndef WF_QUEUE_RIGHT_H
#define WF_QUEUE_RIGHT_H

/* Privileges; a limit has "use" and "manage". */
#define WF_QUEUE_USE	"use"	/* put runs into it */
#define WF_QUEUE_CLAIM	"claim" /* claim runs of it, and read their parameters */
#define WF_QUEUE_READ	"read"	/* see it and what is in it */
#define WF_QUEUE_MANAGE "manage"	/* change, pause and drop it */

extern bool wf_queue_right_may(Oid role, int32 number, const char *privilege);
extern void wf_queue_right_require(int32 number, const char *privilege);
extern void wf_queue_right_require_of(Oid role, int32 number, const char *privilege);
extern void wf_queue_right_require_limit(const char *name, int32 owner, const char *privilege);

#endif							/* WF_QUEUE_RIGHT_H */
