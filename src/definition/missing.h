/*
 * missing.h
 *	  Functions that a definition names and that do not exist.
 */
#ifndef WF_MISSING_H
#define WF_MISSING_H

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/list.h"

/* Places of a function that a message shows besides the first. */
#define WF_PLACES_SHOWN		3

/* A function that does not exist. */
typedef struct WfMissingFunction
{
	const WfExpr *expr;			/* its first use */
	const char *message;
	const char *hint;			/* or NULL */
	int			nplaces;
	const char *places[WF_PLACES_SHOWN];	/* after the first */
} WfMissingFunction;

/* All of them; a zeroed one is empty. */
typedef struct WfMissing
{
	WfList		functions;		/* WfMissingFunction */
	WfNumbers	numbers;		/* places in the list by name and use */
} WfMissing;

extern void wf_missing_add(WfMissing *missing, const WfExpr *expr,
						   const char *message, const char *hint);
extern char *wf_missing_message(const WfMissingFunction *function);
extern char *wf_missing_stub(const WfMissingFunction *function);
extern char *wf_missing_stubs(const WfMissing *missing);

#endif							/* WF_MISSING_H */
