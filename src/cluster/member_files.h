/*
 * member_files.h
 *	  How many files a runtime has still to take over.
 */
#ifndef WF_MEMBER_FILES_H
#define WF_MEMBER_FILES_H

extern int	wf_member_files(const char *id);

#endif							/* WF_MEMBER_FILES_H */
