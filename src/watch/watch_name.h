/*
 * watch_name.h
 *	  Names of files, as the database and as the disk has them.
 */
#ifndef WF_WATCH_NAME_H
#define WF_WATCH_NAME_H

extern char *wf_watch_name_to_utf8(const char *name);
extern const char *wf_watch_name_from_utf8(const char *utf8);
extern char *wf_watch_name_path(const char *directory, const char *name);

#endif							/* WF_WATCH_NAME_H */
