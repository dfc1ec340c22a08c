/*-------------------------------------------------------------------------
 *
 * log_budget.c
 *	  How many lines about one kind of trouble go to the server's log.
 *
 * Used by executors.  What fails may fail by the thousand, and in all executors
 * of an owner at the same time: so the lines of a minute are counted for all of
 * them together, by database, definition and SQLSTATE.  Who leaves a line out
 * looks for the number again when the minute is over, or when it ends.
 *
 * Locks: the table is guarded by its own LWLock, under which no other lock is
 * taken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "shmem/instance.h"
#include "shmem/log_budget.h"

/* Lines about one subject in a period (us). */
#define LINES		10
#define PERIOD		(60 * USECS_PER_SEC)

/* Subjects that are told apart; beyond that the oldest one is forgotten. */
#define NSUBJECTS	128

typedef struct Entry
{
	Oid			dbid;			/* InvalidOid: not in use */
	WfLogSubject subject;
	TimestampTz since;			/* when its period began */
	int			lines;			/* that were written in it */
	int64		left_out;		/* that were not */
} Entry;

typedef struct BudgetTable
{
	LWLock		lock;
	Entry		entries[NSUBJECTS];
} BudgetTable;

static BudgetTable *table = NULL;

/* When a number that this process has left out is due; infinity: none is. */
static TimestampTz next_number = DT_NOEND;

/* Bytes of the segment. */
Size
wf_log_budget_shmem_size(void)
{
	return sizeof(BudgetTable);
}

/* Take the segment, and fill it if it was created just now. */
void
wf_log_budget_shmem_attach(void *segment, bool created)
{
	table = segment;
	if (created)
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
}

/* Name what the lines are about: a kind, which may be empty, and a name of it. */
void
wf_log_budget_name(WfLogSubject *subject, const char *kind, const char *name)
{
	int			length;

	snprintf(subject->definition, sizeof(subject->definition), "%s%s", kind, name);
	length = (int) strlen(subject->definition);
	subject->definition[pg_mbcliplen(subject->definition, length, length)] = '\0';
}

static bool
is_over(const Entry *entry, TimestampTz now)
{
	/* the second: the clock was set back */
	return now >= entry->since + PERIOD || now < entry->since;
}

/* The entry of a subject, or one for it to take; under the lock. */
static Entry *
entry_of(const WfLogSubject *subject)
{
	Entry	   *oldest = table->entries;

	for (int i = 0; i < NSUBJECTS; i++)
	{
		Entry	   *entry = &table->entries[i];

		if (entry->dbid == MyDatabaseId && entry->subject.level == subject->level &&
			entry->subject.sqlstate == subject->sqlstate &&
			strcmp(entry->subject.definition, subject->definition) == 0)
			return entry;
		if (entry->since < oldest->since)
			oldest = entry;
	}
	oldest->dbid = InvalidOid;
	return oldest;
}

/*
 * May a line about this subject be written?  If not, it is counted, and this
 * process calls wf_log_budget_overdue() at wf_log_budget_next().  What a period
 * that is over has left out goes on to be counted until somebody does.
 */
bool
wf_log_budget_take(const WfLogSubject *subject)
{
	TimestampTz now = GetCurrentTimestamp();
	Entry	   *entry;
	bool		granted;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	entry = entry_of(subject);
	if (!OidIsValid(entry->dbid))
	{
		entry->dbid = MyDatabaseId;
		entry->subject = *subject;
		entry->since = now;
		entry->lines = 0;
		entry->left_out = 0;
	}
	if (is_over(entry, now))
	{
		entry->since = now;
		entry->lines = 0;
	}
	granted = entry->lines < LINES;
	if (granted)
		entry->lines++;
	else
	{
		entry->left_out++;
		next_number = Min(next_number, entry->since + PERIOD);
	}
	LWLockRelease(&table->lock);
	return granted;
}

/*
 * A subject of this database of which lines were left out in a period that is
 * over (all: or is not), and how many; 0: there is none.  Call until it says so.
 */
int64
wf_log_budget_overdue(WfLogSubject *subject, bool all)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		left_out = 0;

	next_number = DT_NOEND;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < NSUBJECTS && left_out == 0; i++)
	{
		Entry	   *entry = &table->entries[i];

		if (entry->dbid != MyDatabaseId || entry->left_out == 0)
			continue;
		if (!all && !is_over(entry, now))
		{
			next_number = Min(next_number, entry->since + PERIOD);
			continue;
		}
		*subject = entry->subject;
		left_out = entry->left_out;
		entry->left_out = 0;
	}
	LWLockRelease(&table->lock);
	return left_out;
}

/*
 * The real time when this process is to call wf_log_budget_overdue(); infinity:
 * it has left nothing out.
 */
TimestampTz
wf_log_budget_next(void)
{
	return next_number;
}
