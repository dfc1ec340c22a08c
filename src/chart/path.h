/*
 * path.h
 *	  Where in a JSON document something stands.
 */
#ifndef WF_PATH_H
#define WF_PATH_H

#include "lib/stringinfo.h"

/*
 * Where we are in a document.  Frames live on the stack of the functions that
 * walk it, so that a path costs nothing until somebody needs its text.
 */
typedef struct WfPath
{
	const struct WfPath *up;	/* NULL: key is the text so far, taken as is */
	const char *key;			/* or NULL: an array's element */
	int			index;
} WfPath;

#define WF_AT_TEXT(text)		(&(WfPath) {NULL, (text), 0})
#define WF_AT_KEY(path, name)	(&(WfPath) {(path), (name), 0})
#define WF_AT_INDEX(path, i)	(&(WfPath) {(path), NULL, (i)})

extern char *wf_path_text(const WfPath *path);
extern void wf_path_append_key(StringInfo buf, const char *key);

#endif							/* WF_PATH_H */
