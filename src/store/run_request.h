/*
 * run_request.h
 *	  The table workflow.run_request: what runs were asked while others were at them.
 */
#ifndef WF_RUN_REQUEST_H
#define WF_RUN_REQUEST_H

#include "utils/uuid.h"

#include "store/run_row.h"

/* So many are read at a time. */
#define WF_RUN_REQUEST_PIECE	1000

/* As in the table. */
typedef enum WfRunAsked
{
	WF_RUN_ASKED_UNWANTED = 0,
	WF_RUN_ASKED_STOP,
	WF_RUN_ASKED_STOP_NOW,
	WF_RUN_ASKED_SIGNAL
} WfRunAsked;

typedef struct WfRunWord
{
	pg_uuid_t	run;
	int64		seq;			/* as it was read */
	WfRunAsked	what;
	const char *actor;			/* who wants it to stop; or NULL */
	const char *event;			/* that was signalled; or NULL */
} WfRunWord;

extern void wf_run_request_add(const WfRunWord *request);
extern bool wf_run_request_is_unwanted(const WfRunRow *row);
extern bool wf_run_request_stops(const pg_uuid_t *run);
extern int	wf_run_request_list(WfRunWord *requests);
extern void wf_run_request_forget(const WfRunWord *request);

#endif							/* WF_RUN_REQUEST_H */
