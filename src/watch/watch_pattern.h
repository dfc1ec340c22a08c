/*
 * watch_pattern.h
 *	  Patterns of names of files.
 */
#ifndef WF_WATCH_PATTERN_H
#define WF_WATCH_PATTERN_H

extern bool wf_watch_pattern_matches(const char *pattern, const char *name);

#endif							/* WF_WATCH_PATTERN_H */
