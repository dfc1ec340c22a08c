/*
 * diagnostic.h
 *	  Faults of a definition: what is wrong, and where.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DIAGNOSTIC_H
#define WF_DIAGNOSTIC_H

#include "lib/stringinfo.h"

/*
 * To be called where the work grows with the square of a definition's size, so
 * that a user who waits for it can cancel it.
 */
#ifndef FRONTEND
#include "miscadmin.h"
#define WF_MAY_BE_CANCELLED()	CHECK_FOR_INTERRUPTS()
#else
#define WF_MAY_BE_CANCELLED()	((void) 0)
#endif

/* Further faults are only counted. */
#define WF_MAX_FAULTS		200

/* One fault of a definition. */
typedef struct WfFault
{
	const char *path;			/* "$.states.review.on.approve[0].target" */
	const char *message;		/* lower case, no full stop; its subject may
								 * be what stands at the path */
	const char *hint;			/* or NULL */
} WfFault;

typedef struct WfFaults
{
	int			n;
	int			size;
	int			more;			/* beyond WF_MAX_FAULTS */
	WfFault    *items;
} WfFaults;

extern char *wf_diagnostic_format(const char *fmt, va_list args) pg_attribute_printf(1, 0);
extern void wf_diagnostic_fault(WfFaults *faults, const char *path, const char *hint,
								const char *fmt,...) pg_attribute_printf(4, 5);
extern char *wf_diagnostic_text(const WfFaults *faults);

extern const char *wf_diagnostic_spelling_hint(const char *word,
											   const char *const *words);

#endif							/* WF_DIAGNOSTIC_H */
