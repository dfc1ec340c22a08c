/*
 * job_command.h
 *	  What the command of a job means.
 */
#ifndef WF_JOB_COMMAND_H
#define WF_JOB_COMMAND_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "parameter/parameters.h"

/* Under which key job.calls has what the statement calls. */
#define WF_JOB_COMMAND_KEY	"command"

/* How a command is called. */
typedef enum WfJobForm
{
	WF_JOB_FORM_MANY,			/* f(jsonb[]) */
	WF_JOB_FORM_RUN,			/* f(jsonb, jsonb) */
	WF_JOB_FORM_PARAMS,			/* f(jsonb) */
	WF_JOB_FORM_STATEMENT		/* a statement with parameters */
} WfJobForm;

/* A command that was resolved. */
typedef struct WfJobCommand
{
	WfJobForm	form;
	bool		is_procedure;
	const char *function;		/* its signature; NULL: of a statement */
	const char *hash;			/* of the function, as it was then */
	const char *text;			/* of a statement: with $1, $2, ...; NULL: a function
								 * that is called as it is */
	int			n;				/* parameters of the text */
	const char **names;
	const char **types;
	Jsonb	   *calls;			/* when a statement is resolved: what it calls; else NULL */
} WfJobCommand;

extern WfJobCommand *wf_job_command_resolve(const char *text, const WfParameters *parameters,
											bool tracked);
extern const char *wf_job_command_function(const WfJobCommand *command);
extern Jsonb *wf_job_command_write(const WfJobCommand *command);
extern WfJobCommand *wf_job_command_read(Jsonb *stored);

#endif							/* WF_JOB_COMMAND_H */
