/*-------------------------------------------------------------------------
 *
 * under_way.c
 *	  Which runs executors are at, as a crash of the server does not lose it.
 *
 * Each executor notes the run whose code it calls in a small file that is mapped into
 * the memory of all processes: two stores and no system call a run.  What the kernel
 * has, a crash of processes leaves alone, and a crash of the machine is no run's fault,
 * so nothing is ever flushed.  When the server starts, what was noted is suspected to
 * have ended it: exactly these runs, of which the first executor of their owner counts
 * a loss before it does anything else (work/run_suspects.c).
 *
 * An entry of an executor is written by that one alone; the list of suspects under the
 * lock of the instance.  Without the file, crashes are not counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pgstat.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "storage/lwlock.h"

#include "base/guc.h"
#include "shmem/instance.h"
#include "shmem/slot.h"
#include "shmem/under_way.h"

/* Beside other files that outlive the server; it is not one of them for long. */
#define FILE_NAME	PGSTAT_STAT_PERMANENT_DIRECTORY "/workflow_under_way"

/* Changes with the layout of the file. */
#define MAGIC		0x57465557

/* Suspects for each slot: of several crashes in a row. */
#define SUSPECTS_PER_SLOT	2

typedef struct Entry
{
	Oid			dbid;			/* InvalidOid: at none; written last */
	int32		owner;
	pg_uuid_t	run;
} Entry;

typedef struct Notes
{
	uint32		magic;
	int32		nslots;
	Entry		entries[FLEXIBLE_ARRAY_MEMBER]; /* one a slot, then the suspects */
} Notes;

static Notes *file = NULL;		/* NULL: it cannot be had */

/* The list lives in the file; the segment only tells who is the first to map it. */
Size
wf_under_way_shmem_size(void)
{
	return sizeof(uint32);
}

static int
entries_for(int nslots)
{
	return nslots * (1 + SUSPECTS_PER_SLOT);
}

static Size
size_for(int nslots)
{
	return offsetof(Notes, entries) + sizeof(Entry) * entries_for(nslots);
}

/* Entries of the server before, in palloc'd memory; NULL: there is nothing to know. */
static Notes *
read_previous(int fd)
{
	struct stat status;
	Notes	   *previous;

	if (fstat(fd, &status) != 0 || status.st_size < (off_t) size_for(0) ||
		status.st_size > (off_t) size_for(2 * WF_MAX_EXECUTORS_MAX))
		return NULL;
	previous = palloc(status.st_size);
	if (pg_pread(fd, previous, status.st_size, 0) != status.st_size ||
		previous->magic != MAGIC || previous->nslots < 0 ||
		status.st_size != (off_t) size_for(previous->nslots))
	{
		pfree(previous);
		return NULL;
	}
	return previous;
}

/* Add a suspect, unless there is no room. */
static void
suspect(Notes *to, const Entry *entry)
{
	for (int i = to->nslots; i < entries_for(to->nslots); i++)
	{
		Entry	   *place = &to->entries[i];

		if (OidIsValid(place->dbid))
			continue;
		*place = *entry;
		return;
	}
}

/*
 * Write the file anew, with all that the one before says as suspects.  It is written,
 * not stretched: a hole that finds no room on the disk later would be a SIGBUS.
 */
static bool
begin_anew(int fd, Size size)
{
	Notes	   *previous = read_previous(fd);
	Notes	   *next = palloc0(size);
	bool		written;

	next->magic = MAGIC;
	next->nslots = wf_slot_count();
	for (int i = 0; previous != NULL && i < entries_for(previous->nslots); i++)
		if (OidIsValid(previous->entries[i].dbid))
			suspect(next, &previous->entries[i]);
	written = ftruncate(fd, 0) == 0 && pg_pwrite(fd, next, size, 0) == (ssize_t) size;
	if (previous != NULL)
		pfree(previous);
	pfree(next);
	return written;
}

/*
 * Map the file.  Who creates the segment is alone, and finds in it what was under way
 * before.
 */
void
wf_under_way_shmem_attach(void *segment, bool created)
{
	Size		size = size_for(wf_slot_count());
	int			fd;
	void	   *mapped = MAP_FAILED;

	if (file != NULL)
		(void) munmap(file, size);	/* of the server before the crash */
	file = NULL;
	fd = OpenTransientFile(FILE_NAME, O_RDWR | O_CREAT | PG_BINARY);
	if (fd >= 0 && (!created || begin_anew(fd, size)))
		mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped != MAP_FAILED)
		file = mapped;
	else
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not map file \"%s\": %m", FILE_NAME),
				 errdetail("Runs that crash the server will not be found.")));
	if (fd >= 0)
		CloseTransientFile(fd);
}

/* --- executors -------------------------------------------------------------- */

/* What this executor notes; NULL: it has no slot, or there is no file. */
static Entry *
mine(void)
{
	return file == NULL || wf_my_slot == NULL ? NULL : &file->entries[wf_my_slot - wf_slots];
}

/* This executor is going to call the code of a run.  No lock, no system call. */
void
wf_under_way_begin(const pg_uuid_t *run)
{
	Entry	   *entry = mine();

	if (entry == NULL)
		return;
	entry->owner = wf_my_slot->owner;
	entry->run = *run;
	pg_write_barrier();
	entry->dbid = wf_my_slot->dbid;
}

/* It is at no run any more. */
void
wf_under_way_end(void)
{
	Entry	   *entry = mine();

	if (entry != NULL)
		entry->dbid = InvalidOid;
}

/*
 * This executor ends over the run that it is at: that is a suspect.  False: it is at
 * none.  Takes the lock.
 */
bool
wf_under_way_lost(void)
{
	Entry	   *entry = mine();

	if (entry == NULL || !OidIsValid(entry->dbid))
		return false;
	wf_instance_lock(LW_EXCLUSIVE);
	suspect(file, entry);
	wf_instance_unlock();
	entry->dbid = InvalidOid;
	return true;
}

/* --- suspects --------------------------------------------------------------- */

static bool
is_of(const Entry *entry, Oid dbid, int32 owner)
{
	return entry->dbid == dbid && entry->owner == owner;
}

/*
 * The runs of an owner that are suspected; returns how many, a run may be among them
 * more than once.  Takes the lock.
 */
int
wf_under_way_suspects(Oid dbid, int32 owner, pg_uuid_t **runs)
{
	int			n = 0;

	*runs = palloc(sizeof(pg_uuid_t) * entries_for(wf_slot_count()));
	wf_instance_lock(LW_SHARED);
	for (int i = wf_slot_count(); file != NULL && i < entries_for(wf_slot_count()); i++)
		if (is_of(&file->entries[i], dbid, owner))
			(*runs)[n++] = file->entries[i].run;
	wf_instance_unlock();
	return n;
}

/* These were dealt with, and that is committed.  Takes the lock. */
void
wf_under_way_cleared(Oid dbid, int32 owner, int n, const pg_uuid_t *runs)
{
	wf_instance_lock(LW_EXCLUSIVE);
	for (int i = wf_slot_count(); file != NULL && i < entries_for(wf_slot_count()); i++)
	{
		Entry	   *entry = &file->entries[i];

		for (int k = 0; k < n && is_of(entry, dbid, owner); k++)
			if (memcmp(&entry->run, &runs[k], UUID_LEN) == 0)
				entry->dbid = InvalidOid;
	}
	wf_instance_unlock();
}
