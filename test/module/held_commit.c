/*
 * held_commit.c
 *	  A breakpoint in the end of a transaction, for test/t/commit_window.pl and
 *	  test/t/poison.pl.
 *
 * LOADed into a session, or come with held_commit_load(): when its transaction
 * has committed or aborted so far that others see it, and has neither sent its
 * invalidations nor released its locks, it makes the file held_commit.at and
 * waits until somebody removes it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xact.h"
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static char *at = NULL;
static bool ended = false;

PG_FUNCTION_INFO_V1(held_commit_load);

Datum
held_commit_load(PG_FUNCTION_ARGS)
{
	PG_RETURN_VOID();
}

static void
note(XactEvent event, void *arg)
{
	ended = (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT) && at != NULL && at[0] != '\0';
}

static void
hold(ResourceReleasePhase phase, bool is_commit, bool is_top, void *arg)
{
	int			file;

	if (!ended || !is_top || phase != RESOURCE_RELEASE_BEFORE_LOCKS)
		return;
	ended = false;
	file = open(at, O_CREAT | O_WRONLY, 0600);
	if (file < 0)
		return;
	close(file);
	while (access(at, F_OK) == 0)
		pg_usleep(1000L);
}

void
_PG_init(void)
{
	DefineCustomStringVariable("held_commit.at", "File that stands for a held commit.", NULL,
							   &at, "", PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterXactCallback(note, NULL);
	RegisterResourceReleaseCallback(hold, NULL);
}
