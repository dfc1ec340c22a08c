/*
 * path.h
 *	  Paths that tell where in a JSON document something is.
 *
 * Pure, like chart.h.
 */
#ifndef WF_PATH_H
#define WF_PATH_H

#include "lib/stringinfo.h"

/*
 * A step of a path, which leads from `up` to a member or an element.  The
 * steps are on the stack of the functions that walk through the document, so
 * that a path costs nothing unless its text is needed.
 */
typedef struct WfPath
{
	const struct WfPath *up;	/* NULL: key is the text of a whole path */
	const char *key;			/* NULL: an element of an array */
	int			index;
} WfPath;

#define WF_AT_TEXT(text)		(&(WfPath) {NULL, (text), 0})
#define WF_AT_KEY(path, name)	(&(WfPath) {(path), (name), 0})
#define WF_AT_INDEX(path, i)	(&(WfPath) {(path), NULL, (i)})

extern char *wf_path_text(const WfPath *path);
extern void wf_path_append_key(StringInfo buf, const char *key);

#endif							/* WF_PATH_H */
