/*
 * diagnostic.h
 *	  What is wrong with a definition, and where: faults, JSON paths, hints.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DIAGNOSTIC_H
#define WF_DIAGNOSTIC_H

#include "lib/stringinfo.h"

/*
 * Some work on a definition of the largest size grows with its square: whoever
 * waits for it can cancel it.
 */
#ifndef FRONTEND
#include "miscadmin.h"
#define WF_MAY_BE_CANCELLED()	CHECK_FOR_INTERRUPTS()
#else
#define WF_MAY_BE_CANCELLED()	((void) 0)
#endif

/* Faults after this many are counted but not kept. */
#define WF_MAX_FAULTS		200

/* One thing that is wrong with a definition. */
typedef struct WfFault
{
	const char *path;			/* "$.states.review.on.approve[0].target" */
	const char *message;		/* lower case, no full stop */
	const char *hint;			/* or NULL */
} WfFault;

typedef struct WfFaults
{
	int			n;
	int			size;
	WfFault    *items;
} WfFaults;

extern char *wf_format(const char *fmt, va_list args) pg_attribute_printf(1, 0);
extern void wf_fault(WfFaults *faults, const char *path, const char *hint,
					 const char *fmt,...) pg_attribute_printf(4, 5);
extern char *wf_faults_text(const WfFaults *faults);

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
extern const char *wf_spelling_hint(const char *word,
									const char *const *words);

#endif							/* WF_DIAGNOSTIC_H */
