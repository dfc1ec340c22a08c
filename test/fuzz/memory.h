/*
 * memory.h
 *	  The arena behind palloc() in the programs of this directory.
 */
#ifndef WF_FUZZ_MEMORY_H
#define WF_FUZZ_MEMORY_H

/* MaxAllocSize of the server. */
#define WF_LARGEST_PIECE	((size_t) 0x3fffffff)

/* Free all that was ever allocated with palloc(). */
extern void wf_memory_reset(void);

#endif							/* WF_FUZZ_MEMORY_H */
