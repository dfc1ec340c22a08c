/*
 * user_context.h
 *	  As whom, and with which settings, the author's SQL runs.
 */
#ifndef WF_USER_CONTEXT_H
#define WF_USER_CONTEXT_H

#include "datatype/timestamp.h"

#include "eval/evaluator.h"

/*
 * The context of user code of one step, and what was there before.  Zeroed, it
 * is not entered.
 */
typedef struct WfUserContext
{
	const char *tenant;			/* for whom the code works, before it is entered;
								 * empty: nobody; NULL: as the session does */
	const char *trace;			/* the context of the span that the code is in; empty:
								 * none; NULL: as the session has it */
	bool		open;			/* it is entered */
	Oid			user;			/* role before */
	int			sec_context;	/* flags before */
	int			guc_level;		/* nest level of the settings */
	bool		foreign;		/* the session is not the owner's */
	int			depth;			/* foreign: for wf_restricted_leave() */
	TimestampTz began;			/* when the first code of the step ran; 0: not yet */
	TimestampTz until;			/* the limit of the code that ran last, by ... */
	const WfDelay *limit;		/* this; NULL: by the setting */
} WfUserContext;

extern void wf_user_context_enter(const WfAuthor *author, WfUserContext *bracket);
extern int	wf_user_context_pin(const WfAuthor *author);
extern void wf_user_context_pin_session(const WfAuthor *author, const char *tenant, const char *trace);
extern void wf_user_context_end_session(void);
extern void wf_user_context_leave(WfUserContext *bracket);
extern bool wf_user_context_ran(void);

#endif							/* WF_USER_CONTEXT_H */
