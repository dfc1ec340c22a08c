/*
 * placed.h
 *	  Queues that are placed elsewhere, and when members are to look for their runs.
 */
#ifndef WF_PLACED_H
#define WF_PLACED_H

#include "datatype/timestamp.h"

extern Size wf_placed_shmem_size(void);
extern void wf_placed_shmem_attach(void *segment, bool created);
extern void wf_placed_queue(int32 queue);
extern void wf_placed_learn(int n, const int32 *queues);
extern bool wf_placed_any(Oid dbid);
extern bool wf_placed_come(int n, const int32 *queues, TimestampTz due);
extern bool wf_placed_look(Oid dbid);
extern bool wf_placed_mark(int64 epoch, bool make, TimestampTz *due, uint64 *generation);
extern void wf_placed_advance(int64 epoch, uint64 generation, TimestampTz due);
extern void wf_placed_forget_database(Oid dbid);

#endif							/* WF_PLACED_H */
