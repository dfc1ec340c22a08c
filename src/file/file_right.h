/*
 * file_right.h
 *	  Who may read and write which files.
 */
#ifndef WF_FILE_RIGHT_H
#define WF_FILE_RIGHT_H

extern bool wf_file_right_may(const char *path, Oid owner, const char *privilege);
extern void wf_file_right_require(const char *path, Oid owner, const char *privilege);
extern void wf_file_right_require_grantor(const char *prefix);

#endif							/* WF_FILE_RIGHT_H */
