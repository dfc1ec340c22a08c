/*
 * parameters.h
 *	  Parameters of jobs, and of events: which there are.
 */
#ifndef WF_PARAMETERS_H
#define WF_PARAMETERS_H

#include "utils/jsonb.h"

#include "chart/texts.h"
#include "parameter/parameter_expr.h"
#include "parameter/parameter_type.h"

#define WF_MAX_PARAMETERS	100

/* Longest name in bytes. */
#define WF_MAX_PARAMETER_NAME	200

/* One parameter. */
typedef struct WfParameter
{
	const char *name;
	WfParameterType type;
	bool		required;
	Jsonb	   *constant;		/* default, or NULL */
	WfParameterExpr *computed;	/* default, or NULL */
	WfParameterExpr *check;		/* or NULL */
	bool		sensitive;		/* only the owner sees its values */
	WfTexts		texts;
} WfParameter;

/* All of a job or an event. */
typedef struct WfParameters
{
	int			n;
	WfParameter *items;
	bool		found;			/* types and expressions, by then: */
	uint64		generation;		/* how often types had changed */
	bool		plain;			/* nothing in them needs the author */
	bool		computes;		/* some have expressions */
	MemoryContextCallback at_end;	/* of the memory that they are in */
} WfParameters;

extern WfParameters *wf_parameters_read(const char *text, bool stored);
extern WfParameters *wf_parameters_parse(Jsonb *declared, bool stored);
extern Jsonb *wf_parameters_canonical(const WfParameters *parameters);
extern WfParameter *wf_parameters_get(const WfParameters *parameters,
									  const char *name);
extern const char **wf_parameters_sensitive(const WfParameters *parameters, int *n);
extern bool wf_parameters_are_found(const WfParameters *parameters);
extern void wf_parameters_set_calls(WfParameters *parameters, const Jsonb *calls);
extern Jsonb *wf_parameters_calls(WfParameters *parameters);
extern void wf_parameters_compile(WfParameters *parameters);
extern void wf_parameters_check_defaults(WfParameters *parameters);

#endif							/* WF_PARAMETERS_H */
