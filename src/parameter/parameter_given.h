/*
 * parameter_given.h
 *	  What is given for parameters: does it fit?
 */
#ifndef WF_PARAMETER_GIVEN_H
#define WF_PARAMETER_GIVEN_H

#include "utils/jsonb.h"

#include "eval/evaluator.h"
#include "parameter/parameters.h"

/* Whose parameters they are; messages name it. */
typedef struct WfParameterUse
{
	const char *kind;			/* "job" or "event" */
	const char *name;
	const char *what;			/* what the kind calls them: "parameters" or "data" */
	const WfAuthor *author;
	WfParameters *parameters;	/* NULL: any */
} WfParameterUse;

extern Jsonb *wf_parameter_given_check(const WfParameterUse *use, Jsonb *given);

#endif							/* WF_PARAMETER_GIVEN_H */
