/*
 * file_change.h
 *	  What a transaction does to files, told when it commits.
 */
#ifndef WF_FILE_CHANGE_H
#define WF_FILE_CHANGE_H

extern void wf_file_change(void);
extern void wf_file_change_taken(const char *id, int left, uint64 changes);
extern void wf_file_change_init(void);

#endif							/* WF_FILE_CHANGE_H */
