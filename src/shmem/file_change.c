/*-------------------------------------------------------------------------
 *
 * file_change.c
 *	  What a transaction does to files, told when it commits.
 *
 * Runs in any backend that changes files, or says for a runtime that it has taken some over.
 * What is noted is in TopMemoryContext, and nothing is allocated where a transaction ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/guc.h"
#include "shmem/database_files.h"
#include "shmem/file_change.h"
#include "shmem/file_wait.h"

typedef struct Change
{
	SubTransactionId by;
	int			files;			/* so many were changed; 0: some were taken over, */
	char		id[WF_RUNTIME_ID_MAX + 1];	/* by this runtime, */
	int			left;			/* to which so many were left, */
	uint64		changes;		/* when there had been so many changes */
} Change;

static Change *changes = NULL;	/* in the order of their subtransactions */
static int	nchanges = 0;
static int	changes_size = 0;

static Change *
add(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Change	   *change = wf_array_grow(changes, nchanges, changes_size);

	MemoryContextSwitchTo(old);
	memset(change, 0, sizeof(*change));
	change->by = GetCurrentSubTransactionId();
	return change;
}

/* This transaction has changed a file. */
void
wf_file_change(void)
{
	Change	   *last = nchanges > 0 ? &changes[nchanges - 1] : NULL;

	if (last == NULL || last->files == 0 || last->by != GetCurrentSubTransactionId())
		last = add();
	last->files++;
}

/* It says for a runtime what it has taken over, which leaves so many: see file_wait.c. */
void
wf_file_change_taken(const char *id, int left, uint64 so_many)
{
	Change	   *change = add();

	strlcpy(change->id, id, sizeof(change->id));
	change->left = left;
	change->changes = so_many;
}

/* Nobody would tell when it ends. */
static void
refuse_prepare(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot PREPARE a transaction that has changed files, or taken them over"),
			 errhint("COMMIT it.")));
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (nchanges == 0)
		return;
	if (event == XACT_EVENT_PRE_PREPARE)
		refuse_prepare();
	/* too many rather than too few: what it has changed itself may have been counted, too */
	for (int i = 0; i < nchanges && event == XACT_EVENT_COMMIT; i++)
		if (changes[i].files == 0)
			wf_file_wait_left(changes[i].id, changes[i].left, changes[i].changes);
	for (int i = 0; i < nchanges && event == XACT_EVENT_COMMIT; i++)
		if (changes[i].files > 0)
		{
			wf_file_wait_changed(changes[i].files);
			/* where none are written, nobody is to be woken */
			if (wf_file_directory[0] != '\0')
				wf_database_files_again(MyDatabaseId, wf_clock_now());
		}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		nchanges = 0;
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						 void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	/* those of subtransactions within it have later ids, and are behind */
	while (nchanges > 0 && changes[nchanges - 1].by >= mine)
		nchanges--;
}

/* Registers the callbacks; once, from _PG_init. */
void
wf_file_change_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
}
