/*
 * retention.h
 *	  What is over expires.
 */
#ifndef WF_RING_H
#define WF_RING_H

/* Partitions of workflow.history and workflow.receipt. */
#define WF_RING_SLOTS	8

/*
 * The partition that is written to, for statements that insert.  Without a row
 * nothing has ever expired here.
 */
#define WF_RING_SLOT \
	"COALESCE((SELECT r.slot FROM workflow.ring r), 0::pg_catalog.int2)"

/*
 * In the runtime: a transaction of moving the ring on, if that is due (a
 * seventh of workflow.retention after it last did).  *more: call again at
 * once.  Returns false when the extension is gone.
 */
extern bool wf_ring_turn(Oid extension, bool *more);

#endif							/* WF_RING_H */
