/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  How far a run is, as its code tells while it is done.
 *
 * Written by the executor that is at the run, and read by anybody, without a lock: who reads
 * while it is being written tries again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "port/atomics.h"
#include "utils/timestamp.h"

#include "shmem/progress.h"

/* So often a reader tries. */
#define TRIES	10

/* Tell how far the run is that this executor is at; total, note: or NULL. */
void
wf_progress_tell(WfProgress *progress, const pg_uuid_t *run, int64 done, const int64 *total,
				 const char *note)
{
	progress->changes++;
	pg_write_barrier();
	progress->run = *run;
	progress->done = done;
	progress->has_total = total != NULL;
	progress->total = total == NULL ? 0 : *total;
	progress->has_note = note != NULL;
	strlcpy(progress->note, note == NULL ? "" : note, sizeof(progress->note));
	progress->at = GetCurrentTimestamp();
	pg_write_barrier();
	progress->changes++;
}

/* Another run begins, of which nothing was told yet. */
void
wf_progress_clear(WfProgress *progress)
{
	progress->at = 0;
}

/* A copy of it, as it was at a moment; false: it was being written all the time. */
static bool
copy_whole(const WfProgress *progress, WfProgress *copy)
{
	for (int tries = 0; tries < TRIES; tries++)
	{
		uint32		before = *(volatile const uint32 *) &progress->changes;

		pg_read_barrier();
		memcpy(copy, progress, sizeof(*copy));
		pg_read_barrier();
		if (before % 2 == 0 && before == *(volatile const uint32 *) &progress->changes)
			return true;
	}
	return false;
}

/*
 * What was told last of that run; false: nothing.  The run is one of this database: notes are
 * in our encoding.
 */
bool
wf_progress_read(const WfProgress *progress, const pg_uuid_t *run, WfProgress *copy)
{
	int			len;

	if (memcmp(&progress->run, run, UUID_LEN) != 0 || !copy_whole(progress, copy) || copy->at == 0 ||
		memcmp(&copy->run, run, UUID_LEN) != 0)
		return false;
	len = strnlen(copy->note, sizeof(copy->note) - 1);
	copy->note[pg_mbcliplen(copy->note, len, len)] = '\0';
	return true;
}
