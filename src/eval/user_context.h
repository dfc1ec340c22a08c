/*
 * user_context.h
 *	  Whose rights and settings the author's SQL has.
 */
#ifndef WF_USER_CONTEXT_H
#define WF_USER_CONTEXT_H

#include "datatype/timestamp.h"

#include "eval/evaluator.h"

/*
 * The bracket around user code of one step: role, path and settings as they
 * were before.  Zeroed when closed.  An error needs no undo.
 */
typedef struct WfUserContext
{
	bool		open;
	Oid			user;
	int			sec_context;
	int			guc_level;
	bool		foreign;		/* the session is not the owner's */
	int			depth;			/* foreign: for the leave */
	TimestampTz until;			/* user code may run so long; 0: not known yet */
} WfUserContext;

extern void wf_user_context_enter(WfEvaluator *evaluator, WfUserContext *bracket);
extern void wf_user_context_leave(WfUserContext *bracket);
extern bool wf_user_context_ran(void);

#endif							/* WF_USER_CONTEXT_H */
