/*-------------------------------------------------------------------------
 *
 * trouble.c
 *	  An error of a background worker, kept for whoever looks.
 *
 * Runs in background workers.  workflow.activity shows what is kept; the whole
 * error is in the server's log.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "shmem/trouble.h"

/*
 * Keep an error that happened now.  Neither allocates nor throws.  What is filled
 * is the caller's: in shared memory, its lock is held.
 */
void
wf_trouble_fill(WfTrouble *trouble, const ErrorData *error)
{
	const char *message = error->message ? error->message : "";
	int			len = strlen(message);

	if (len >= WF_TROUBLE_MESSAGE)
		len = pg_mbcliplen(message, len, WF_TROUBLE_MESSAGE - 1);
	memcpy(trouble->message, message, len);
	trouble->message[len] = '\0';
	trouble->sqlstate = error->sqlerrcode;
	trouble->at = GetCurrentTimestamp();
}
