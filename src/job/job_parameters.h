/*
 * job_parameters.h
 *	  The parameters of a job: which there are.
 */
#ifndef WF_JOB_PARAMETERS_H
#define WF_JOB_PARAMETERS_H

#include "utils/jsonb.h"

#include "job/job.h"
#include "job/job_expr.h"
#include "job/job_type.h"

#define WF_MAX_JOB_PARAMETERS	100

/* One parameter. */
typedef struct WfJobParameter
{
	const char *name;
	WfJobType	type;
	bool		required;
	Jsonb	   *constant;		/* default, or NULL */
	WfJobExpr  *computed;		/* default, or NULL */
	WfJobExpr  *check;			/* or NULL */
	const char *title;			/* or NULL */
	const char *description;	/* or NULL */
} WfJobParameter;

/* All of a job. */
typedef struct WfJobParameters
{
	int			n;
	WfJobParameter *items;
	bool		found;			/* types and expressions, by then: */
	uint64		generation;		/* how often types had changed */
	bool		plain;			/* nothing in them needs the author */
	bool		computes;		/* some have expressions */
} WfJobParameters;

extern WfJobParameters *wf_job_parameters_parse(Jsonb *declared, bool stored);
extern Jsonb *wf_job_parameters_canonical(const WfJobParameters *parameters);
extern WfJobParameter *wf_job_parameters_get(const WfJobParameters *parameters,
											 const char *name);
extern bool wf_job_parameters_are_found(const WfJobParameters *parameters);
extern void wf_job_parameters_compile(WfJobParameters *parameters);
extern void wf_job_parameters_check_defaults(WfJobParameters *parameters);

#endif							/* WF_JOB_PARAMETERS_H */
