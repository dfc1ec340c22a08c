/*
 * file_directory.h
 *	  Is a directory one that files may be written to?
 */
#ifndef WF_FILE_DIRECTORY_H
#define WF_FILE_DIRECTORY_H

extern const char *wf_file_directory_fault(const char *path, const char **resolved);
extern bool wf_file_directory_has_data(const char *path);

#endif							/* WF_FILE_DIRECTORY_H */
