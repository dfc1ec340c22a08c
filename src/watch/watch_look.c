/*-------------------------------------------------------------------------
 *
 * watch_look.c
 *	  The watcher looks at a directory, and remembers what was there.
 *
 * Runs in the watcher, outside of transactions: disks may be slow.  What is in the table is
 * read once, and what is written there is remembered, so that a look at a directory where
 * nothing has changed asks no table.  Names are as on the disk.
 *
 * If only new files count, a directory is not read again whose own time has not changed:
 * names come and go with that.  File systems count time in steps, so it has to have been the
 * same for a while when it was read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "watch/watch_look.h"
#include "watch/watch_place.h"

/* More files are not looked after in one directory. */
#define MOST_FILES	200000

/* The longest step (us) in which file systems count time, as far as is known. */
#define STEP		(2 * USECS_PER_SEC)

/* What is remembered of a file; it stays where it is. */
typedef struct Known
{
	WfWatchFile file;			/* first, for wf_watch_look_done() */
	uint64		look;			/* at which it was there last */
	char		name[FLEXIBLE_ARRAY_MEMBER];
} Known;

typedef struct Entry
{
	const char *name;			/* that of `known` */
	Known	   *known;
	uint32		hash;
	char		status;
} Entry;

#define SH_PREFIX names
#define SH_ELEMENT_TYPE Entry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) key, (int) strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct WfWatchMemory
{
	MemoryContext context;
	names_hash *files;
	uint64		look;			/* counts */
	int64		inode;			/* of the directory, at the last one */
	TimestampTz modified;		/* the same */
	TimestampTz since;			/* for as long */
	bool		quiet;			/* names cannot have changed without that */
};

/* --- remembering ---------------------------------------------------------------------- */

/* Nothing is known. */
WfWatchMemory *
wf_watch_look_begin(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "workflow directory", ALLOCSET_DEFAULT_SIZES);
	WfWatchMemory *memory = MemoryContextAllocZero(context, sizeof(WfWatchMemory));

	memory->context = context;
	memory->files = names_create(context, 64, NULL);
	return memory;
}

/* Forget all. */
void
wf_watch_look_end(WfWatchMemory *memory)
{
	MemoryContextDelete(memory->context);
}

/* What is known of a file; of a new one nothing is. */
static Known *
enter(WfWatchMemory *memory, const char *name)
{
	Entry	   *entry = names_lookup(memory->files, name);
	Known	   *known;
	bool		found;

	if (entry != NULL)
		return entry->known;
	known = MemoryContextAllocZero(memory->context, offsetof(Known, name) + strlen(name) + 1);
	strcpy(known->name, name);
	known->file.since = DT_NOEND;
	entry = names_insert(memory->files, known->name, &found);
	entry->known = known;
	return known;
}

/* This is known of a file. */
void
wf_watch_look_know(WfWatchMemory *memory, const char *name, const WfWatchFile *file)
{
	enter(memory, name)->file = *file;
}

/* Forget a file, which has gone. */
void
wf_watch_look_forget(WfWatchMemory *memory, const char *name)
{
	Entry	   *entry = names_lookup(memory->files, name);
	Known	   *known;

	if (entry == NULL)
		return;
	known = entry->known;
	names_delete(memory->files, name);
	pfree(known);
}

/* What was to be done about a file was done, and is in the table. */
void
wf_watch_look_done(const WfWatchOrder *order, const WfWatchChange *change)
{
	wf_watch_judge_done(order->check, wf_clock_now(), change->file, &change->sight);
}

/* --- looking ---------------------------------------------------------------------------- */

/* Have no names come or gone since the last look? */
static bool
is_unchanged(const WfWatchMemory *memory, const WfWatchOrder *order, const WfWatchPlace *place)
{
	return order->check == WF_WATCH_NEW && memory->quiet && memory->inode == place->inode &&
		memory->modified == place->modified;
}

/* A file is there, and looks so. */
static void
see(WfWatchPlace *place, const WfWatchOrder *order, Known *known, WfWatchSight *sight, WfWatchNews *news, int *size)
{
	TimestampTz now = wf_clock_now();
	WfWatchVerdict verdict = wf_watch_judge(order->check, order->settle, now, &known->file, sight);
	TimestampTz again = DT_NOEND;

	if (verdict == WF_WATCH_READ)
	{
		/* who changes it just now is waited for until the next look */
		if (!wf_watch_place_read(place, known->name, sight))
		{
			known->file.since = now;
			return;
		}
		verdict = wf_watch_judge(order->check, order->settle, now, &known->file, sight);
		again = known->file.since == DT_NOEND ? DT_NOEND : known->file.since + STEP;
	}
	if (verdict == WF_WATCH_WAIT)
		again = wf_watch_judge_again(order->settle, &known->file);
	if (again > now)
		news->again = Min(news->again, again);
	if (verdict == WF_WATCH_FIRE || verdict == WF_WATCH_NOTE)
	{
		WfWatchChange *change = wf_array_grow(news->changes, news->nchanges, *size);

		*change = (WfWatchChange) {known->name, &known->file, *sight, verdict};
	}
}

/* Look at all that is there.  Returns what went wrong, or NULL. */
static const char *
read_all(WfWatchMemory *memory, const WfWatchOrder *order, WfWatchPlace *place, WfWatchNews *news)
{
	const char *name;
	const char *why;
	WfWatchSight sight;
	int			size = 0;
	int64		n = 0;

	memory->look++;
	while ((why = wf_watch_place_next(place, order->pattern, &name, &sight)) == NULL && name != NULL)
	{
		Known	   *known;

		CHECK_FOR_INTERRUPTS();
		if (++n > MOST_FILES)
			return psprintf("There are more than %d files in the directory that fit the pattern.", MOST_FILES);
		known = enter(memory, name);
		known->look = memory->look;
		see(place, order, known, &sight, news, &size);
	}
	return why;
}

/*
 * What was not there has gone.  Where another directory has taken the place of the one that
 * is meant, it may come back: a file system may not be mounted just now.  complete: all that is
 * there was met.
 */
static void
find_gone(WfWatchMemory *memory, const WfWatchPlace *place, bool complete, WfWatchNews *news)
{
	names_iterator iterator;
	Entry	   *entry;
	int			size = 0;

	names_start_iterate(memory->files, &iterator);
	while ((entry = names_iterate(memory->files, &iterator)) != NULL)
	{
		if (entry->known->look == memory->look)
			continue;
		/* the table knows nothing of one that made no run; the present entry may be deleted */
		if (!entry->known->file.seen)
			wf_watch_look_forget(memory, entry->name);
		else if (complete && !news->replaced && !wf_watch_place_has(place, entry->name))
			*wf_array_grow(news->gone, news->ngone, size) = entry->name;
	}
}

/* Does any file wait until it has settled, or was one not read? */
static bool
is_waiting(const WfWatchMemory *memory)
{
	names_iterator iterator;
	Entry	   *entry;

	names_start_iterate(memory->files, &iterator);
	while ((entry = names_iterate(memory->files, &iterator)) != NULL)
		if (!entry->known->file.seen)
			return true;
	return false;
}

/* Remember the directory itself. */
static void
remember(WfWatchMemory *memory, const WfWatchPlace *place, TimestampTz began)
{
	if (memory->inode != place->inode || memory->modified != place->modified || memory->since > began)
	{
		memory->inode = place->inode;
		memory->modified = place->modified;
		memory->since = began;
	}
	memory->quiet = began - memory->since >= STEP && !is_waiting(memory);
}

/* Look at a directory. */
void
wf_watch_look(WfWatchMemory *memory, const WfWatchOrder *order, WfWatchNews *news)
{
	TimestampTz began = wf_clock_now();
	WfWatchPlace place;

	memset(news, 0, sizeof(*news));
	news->again = DT_NOEND;
	news->fault = wf_watch_place_open(&place, order->listed, order->directory);
	if (news->fault != NULL)
		return;
	news->inode = place.inode;
	news->replaced = order->inode != 0 && order->inode != place.inode;
	if (is_unchanged(memory, order, &place))
		news->skipped = -1;
	else
	{
		news->fault = read_all(memory, order, &place, news);
		news->skipped = place.unreadable;
		find_gone(memory, &place, news->fault == NULL, news);
		if (news->fault == NULL)
			remember(memory, &place, began);
		else
			news->nchanges = 0;
	}
	wf_watch_place_close(&place);
}
