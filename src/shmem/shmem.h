/*
 * shmem.h
 *	  The shared memory of the extension: a list of subsystems.
 */
#ifndef WF_SHMEM_H
#define WF_SHMEM_H

extern void wf_shmem_init(void);

#endif							/* WF_SHMEM_H */
