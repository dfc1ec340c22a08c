/*-------------------------------------------------------------------------
 *
 * hidden.c
 *	  Errors and lines of a process without what is hidden of it.
 *
 * Runs in any backend.  An error of the author's code quotes what it met.  It leaves a
 * command for whoever gave that, and the server's log is for all who can read it; what is
 * stored of a failure is the truth.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "definition/sensitive.h"
#include "process/context.h"
#include "process/hidden.h"

/* A line for a log that others read, too: without sensitive fields, whoever the user is. */
char *
wf_hidden_line(WfProcess *process, const char *text)
{
	return wf_mask_text(wf_sensitive_mask(process->definition, JsonbPGetDatum(wf_context_of(process))), text);
}

static void
hide(WfMask *mask, char **text)
{
	if (*text != NULL)
		*text = wf_mask_text(mask, *text);
}

/*
 * In PG_CATCH: throw the error on, without sensitive fields of the process and of the
 * event's data.  context: where memory may be taken, that is not reset before.
 */
void
wf_hidden_rethrow(WfProcess *process, Jsonb *data, MemoryContext context)
{
	ErrorData  *error;
	WfMask	   *mask;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	mask = wf_sensitive_mask(process->definition, JsonbPGetDatum(wf_context_of(process)));
	if (data != NULL)
		wf_mask_learn(mask, data);
	hide(mask, &error->message);
	hide(mask, &error->detail);
	hide(mask, &error->detail_log);
	hide(mask, &error->hint);
	hide(mask, &error->context);
	hide(mask, &error->internalquery);
	ReThrowError(error);
}
