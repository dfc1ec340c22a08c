/*-------------------------------------------------------------------------
 *
 * file_disk.c
 *	  The files of a cluster, as they lie on the disk of one of its runtimes.
 *
 * Runs in the process that writes files, of the server that holds the database (file_take.c)
 * or of another one (remote/file_fetch.c).  Knows no table: what is stored is asked of a
 * source.
 *
 * The manifest is saved twice a batch: before files are written, with the paths of those that
 * are new, and after that, before the database is told.  Who is killed anywhere in between
 * does some of it once more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/guc.h"
#include "file/file_directory.h"
#include "file/file_disk.h"
#include "file/file_manifest.h"
#include "file/file_path.h"

/* What is remembered of deletions is kept for 7 days: a manifest that is older misses some (us). */
#define OLDEST_MANIFEST	(6 * USECS_PER_DAY)

static WfFileWriter writer = {.directory = -1,.own = -1,.file = -1};
static WfFileManifest manifest;
static WfFileOwner owner;
static bool known = false;		/* there was one, that could be read */
static bool touched = false;	/* it is not as it was saved */

/* Where nothing happens it is saved once in that time (us), so that it does not become too old. */
#define SAVE_INTERVAL	(USECS_PER_HOUR)

/* --- opening ------------------------------------------------------------------------ */

/* Say that no file can be written, and why; *told: for people who ask the database. */
static WfFileDiskOpened
refuse(const char *why, const char *hint, const char **told)
{
	ereport(WARNING,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("files cannot be written to directory \"%s\"", wf_file_directory),
			 errdetail_internal("%s", why),
			 errhint("%s", hint)));
	*told = psprintf("workflow.file_directory: %s", why);
	wf_file_disk_close();
	return WF_FILE_DISK_REFUSED;
}

/* What keeps files from being written; NULL: nothing. */
static const char *
open_directory(void)
{
	const char *directory;
	const char *why = wf_file_directory_fault(wf_file_directory, &directory);

	if (why == NULL)
		why = wf_file_write_open(&writer, directory);
	return why;
}

/*
 * Open workflow.file_directory, for these files.  Nobody else writes there until it is
 * closed, or this process ends.  *told: why it is refused.
 */
WfFileDiskOpened
wf_file_disk_open(const WfFileOwner *whose, const char **told)
{
	const char *why = open_directory();

	owner = *whose;
	if (why != NULL)
		return refuse(why, "Set workflow.file_directory to one that only the server's user can write to.", told);
	if (flock(writer.own, LOCK_EX | LOCK_NB) < 0)
	{
		/* not all file systems know locks */
		if (errno != EWOULDBLOCK)
			return refuse(psprintf("It cannot be locked: %s.", strerror(errno)),
						  "Set workflow.file_directory to one on a file system with flock().", told);
		wf_file_disk_close();
		return WF_FILE_DISK_BUSY;
	}
	known = wf_file_manifest_read(&writer, &manifest);
	if (known && manifest.system == owner.system && manifest.dbid != owner.dbid)
		return refuse("It has files of another database.",
					  "Set workflow.file_directory for each database to one of its own, or delete \"" WF_FILE_WRITE_OWN "/manifest\" in it.",
					  told);
	return WF_FILE_DISK_OPEN;
}

/* Close it. */
void
wf_file_disk_close(void)
{
	wf_file_write_close(&writer);
}

/*
 * Is what lies there known, and up to *position as it is stored?  Otherwise it may be that of
 * another place, or time, and all is to be compared.
 */
bool
wf_file_disk_is_current(WfFilePosition *position)
{
	position->xid = manifest.xid;
	position->request = manifest.request;
	return known && manifest.system == owner.system && manifest.dbid == owner.dbid &&
		manifest.timeline == owner.timeline && wf_clock_now() - manifest.saved_at < OLDEST_MANIFEST;
}

/* --- one file ----------------------------------------------------------------------- */

static void
remember(const WfFileRow *row, const WfFileSeen *seen)
{
	WfFileWritten *file = wf_file_manifest_enter(&manifest, row->path);

	file->version = row->version;
	file->seen = *seen;
	file->kept = false;
	memcpy(file->sha256, row->sha256, sizeof(file->sha256));
	touched = true;
}

static void
forget(const char *path)
{
	wf_file_manifest_remove(&manifest, path);
	touched = true;
}

/* Write what is stored of a version; what went wrong, or NULL. */
static const char *
write_file(const WfFileSource *source, const WfFileRow *row)
{
	WfFileSeen	seen;
	const char *why = wf_file_write_begin(&writer);

	if (why == NULL)
		why = source->write(&writer, row);
	if (why == NULL)
		why = wf_file_write_end(&writer, row->path, row->mode, row->sha256, &seen);
	if (why == NULL)
		remember(row, &seen);
	else
		wf_file_write_abandon(&writer);
	return why;
}

/* Has somebody changed this file, and may? */
static bool
is_kept(const WfFileWritten *file)
{
	return file->kept && wf_file_keep_changes;
}

/* Is it a file of ours, which is that version? */
static bool
is_version(const WfFileWritten *file, const WfFileRow *row)
{
	return file->version == row->version && memcmp(file->sha256, row->sha256, sizeof(row->sha256)) == 0;
}

/* Have a file as a row says; what went wrong, or NULL. */
static const char *
take(const WfFileSource *source, const WfFileRow *row)
{
	const WfFileWritten *written = wf_file_manifest_find(&manifest, row->path);
	const char *why = wf_file_path_fault(row->path);
	WfFileSeen	seen;

	if (why != NULL)
		return why;
	if (row->deleted)
	{
		why = written == NULL || written->kept ? NULL : wf_file_write_deletion(&writer, row->path);
		if (why == NULL && written != NULL)
			forget(row->path);
		return why;
	}
	/* usually it is there; not if it was deleted since, in the same batch */
	written = wf_file_manifest_enter(&manifest, row->path);
	if (is_kept(written) && is_version(written, row))
		return NULL;
	if (wf_file_write_matches(&writer, row->path, row->size, row->sha256, &seen) &&
		(written->version == 0 ? row->mode == NULL : written->version == row->version))
	{
		remember(row, &seen);
		return NULL;
	}
	return write_file(source, row);
}

/* --- what others have changed ------------------------------------------------------- */

static bool
is_same(const WfFileSeen *a, const WfFileSeen *b)
{
	return a->size == b->size && a->modified == b->modified && a->inode == b->inode;
}

/* A file is not as it was written.  Say so, once, and put it right, or let it be. */
static void
put_right(const WfFileSource *source, WfFileWritten *file, const WfFileRow *row, bool there)
{
	const char *why = NULL;

	if (!wf_file_keep_changes)
		why = write_file(source, row);
	ereport(LOG,
			(errmsg(there ? "file \"%s\" was changed by somebody else" : "file \"%s\" was removed by somebody else", file->path),
			 wf_file_keep_changes ? errdetail("It stays so until it is put anew.") :
			 why == NULL ? errdetail("It was put right.") : errdetail("It could not be put right: %s.", why)));
	if (wf_file_keep_changes)
		file->kept = touched = true;
}

/* A file is not stored any more: it goes, or is tried again when somebody looks. */
static void
delete(WfFileWritten *file)
{
	const char *why = file->kept ? NULL : wf_file_write_deletion(&writer, file->path);

	if (why == NULL)
	{
		forget(file->path);
		return;
	}
	ereport(WARNING,
			(errmsg("file \"%s\" could not be deleted: %s", file->path, why)));
	file->version = 0;
	touched = true;
}

/* Is a file not as we have written it, or was it never written to its end? */
static bool
is_changed(const WfFileWritten *file)
{
	WfFileSeen	seen;

	return file->version == 0 ||
		(!file->kept && !(wf_file_write_look(&writer, file->path, &seen) && is_same(&seen, &file->seen)));
}

/* A file is not as it was written.  A newer version is about to be taken over. */
static void
look_at(const WfFileSource *source, WfFileWritten *file)
{
	WfFileSeen	seen;
	WfFileRow	row;
	WfFileFound found = source->newest(file->path, &row);

	if (found == WF_FILE_NOT_STORED && file->version == 0)
		delete(file);
	if (found != WF_FILE_STORED || row.version != file->version)
		return;
	if (wf_file_write_matches(&writer, file->path, row.size, row.sha256, &seen))
	{
		file->seen = seen;
		touched = true;
	}
	else
		put_right(source, file, &row, wf_file_write_look(&writer, file->path, &seen));
}

/*
 * The files that are remembered, all or those that `which` says; *n: so many.  Scans of tables in
 * memory end with transactions, which a source may have.
 */
static WfFileWritten **
list_written(bool (*which) (const WfFileWritten *file), int *n)
{
	HASH_SEQ_STATUS scan;
	WfFileWritten *file;
	WfFileWritten **list = NULL;
	int			size = 0;

	*n = 0;
	hash_seq_init(&scan, manifest.files);
	while ((file = hash_seq_search(&scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (which == NULL || which(file))
			*wf_array_grow(list, *n, size) = file;
	}
	return list;
}

/*
 * Look at all files that we have written: they should be as they were.  Of what is there of
 * another database nothing is known.
 */
void
wf_file_disk_look(const WfFileSource *source)
{
	WfFileWritten **changed;
	int			n;

	if (manifest.system != owner.system || manifest.dbid != owner.dbid)
		return;
	changed = list_written(is_changed, &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		look_at(source, changed[i]);
	}
}

/*
 * What lies there may be that of another place or time: delete what we have written, and is
 * not stored, since nobody may tell us of its deletion any more.
 */
void
wf_file_disk_sweep(bool (*is_stored) (const char *path))
{
	int			n;
	WfFileWritten **all = list_written(NULL, &n);

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_stored(all[i]->path))
			delete(all[i]);
	}
}

/* --- batches ------------------------------------------------------------------------ */

/* Save where the disk is; what went wrong, or NULL. */
static const char *
save(const WfFilePosition *position)
{
	const char *why;

	manifest.system = owner.system;
	manifest.dbid = owner.dbid;
	manifest.timeline = owner.timeline;
	manifest.xid = position->xid;
	manifest.request = position->request;
	manifest.saved_at = wf_clock_now();
	why = wf_file_manifest_save(&writer, &manifest);
	touched = why != NULL;
	return why;
}

/* Is it saved as it is? */
static bool
is_saved(const WfFilePosition *position)
{
	WfFilePosition saved;
	int64		age = wf_clock_now() - manifest.saved_at;

	return wf_file_disk_is_current(&saved) && !touched && saved.xid == position->xid &&
		saved.request == position->request && age >= 0 && age < SAVE_INTERVAL;
}

/*
 * The manifest has files before they are written: one that is written and deleted again
 * while we are dead would be nobody's.  Returns what went wrong, or NULL.
 */
static const char *
intend(const WfFilePosition *position, int n, const WfFileRow *rows)
{
	bool		changed = false;

	for (int i = 0; i < n; i++)
	{
		if (rows[i].deleted || wf_file_path_fault(rows[i].path) != NULL ||
			wf_file_manifest_find(&manifest, rows[i].path) != NULL)
			continue;
		(void) wf_file_manifest_enter(&manifest, rows[i].path);
		changed = true;
	}
	return changed ? save(position) : NULL;
}

/*
 * Take over n files, or some of them; returns how many, each with what went wrong, or NULL, in
 * faults.  position: how far all was taken over before them.
 */
int
wf_file_disk_take(const WfFileSource *source, const WfFilePosition *position, int n,
				  const WfFileRow *rows, const char **faults)
{
	const char *why;
	int64		bytes = 0;
	int			done = 0;

	if (n == 0 && is_saved(position))
		return 0;
	why = intend(position, n, rows);
	for (; done < n && bytes < WF_FILE_DISK_BATCH_BYTES; done++)
	{
		CHECK_FOR_INTERRUPTS();
		/* to delete a file takes no room, and may make some */
		faults[done] = why == NULL || rows[done].deleted ? take(source, &rows[done]) : why;
		bytes += rows[done].size;
	}
	why = save(position);
	for (int i = 0; why != NULL && i < done; i++)
		faults[i] = why;
	known = true;
	return done;
}
