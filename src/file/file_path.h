/*
 * file_path.h
 *	  Paths of files: which are taken, and which are the same.
 */
#ifndef WF_FILE_PATH_H
#define WF_FILE_PATH_H

/* Bytes of a path, and of each name in it, in UTF-8. */
#define WF_FILE_PATH_MAX	1024
#define WF_FILE_NAME_MAX	255

/* What begins so is the runtime's own: temporary files, what it remembers. */
#define WF_FILE_PATH_OWN	".workflow"

extern char *wf_file_path_check(const char *path);
extern const char *wf_file_path_fault(const char *utf8);

#endif							/* WF_FILE_PATH_H */
