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

extern char *wf_diagnostic_format(const char *fmt, va_list args) pg_attribute_printf(1, 0);
extern void wf_diagnostic_fault(WfFaults *faults, const char *path, const char *hint,
								const char *fmt,...) pg_attribute_printf(4, 5);
extern char *wf_diagnostic_text(const WfFaults *faults);

extern const char *wf_diagnostic_spelling_hint(const char *word,
											   const char *const *words);

#endif							/* WF_DIAGNOSTIC_H */
