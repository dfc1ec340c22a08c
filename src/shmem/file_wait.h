/*
 * file_wait.h
 *	  How many files each runtime has still to take over.
 */
#ifndef WF_FILE_WAIT_H
#define WF_FILE_WAIT_H

extern Size wf_file_wait_shmem_size(void);
extern void wf_file_wait_shmem_attach(void *segment, bool created);
extern int	wf_file_wait(const char *id);
extern uint64 wf_file_wait_changes(void);
extern void wf_file_wait_changed(int n);
extern void wf_file_wait_left(const char *id, int left, uint64 changes);
extern void wf_file_wait_forget_database(Oid dbid);

#endif							/* WF_FILE_WAIT_H */
