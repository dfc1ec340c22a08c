/*-------------------------------------------------------------------------
 *
 * file_write.c
 *	  Files are written below a directory, and nowhere else.
 *
 * Runs in whatever process writes files for a runtime.  Knows no table, and throws nothing:
 * what goes wrong is a text for people, or NULL.
 *
 * A path is walked as file_walk.c does, and leads nowhere else.  A file is written under a
 * name of ours, synced, and renamed into its place, whose directory is synced then: at any
 * time, and after a crash, the old file is there or the new one, and a disk that is full
 * costs nothing.  What is in the place of a file, a link or a device, is
 * replaced and not written to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/file_path.h"
#include "file/file_walk.h"
#include "file/file_write.h"

/* Name of the file that is being written, in our directory. */
#define BEING_WRITTEN	"new"

/* For others to read, as the umask of a server of PostgreSQL does not have it. */
#define MODE_FILE		0644

static const char *
fault(const char *what)
{
	return psprintf("%s: %s", what, strerror(errno));
}

/* --- the directory ------------------------------------------------------------------- */

/* Open a directory to write to, which was found to be safe, and what is ours in it. */
const char *
wf_file_write_open(WfFileWriter *writer, const char *directory)
{
	const char *why = NULL;

	memset(writer, 0, sizeof(*writer));
	writer->own = writer->file = -1;
	writer->directory = open(directory, WF_FILE_WALK_DIRECTORY);
	if (writer->directory < 0)
		return fault("could not open the directory of files");
	writer->own = wf_file_walk_step(writer->directory, WF_FILE_WRITE_OWN, true);
	if (writer->own < 0)
		why = fault("could not open \".workflow\" in the directory of files");
	else if (unlinkat(writer->own, BEING_WRITTEN, 0) < 0 && errno != ENOENT)
		why = fault("could not delete what was left by a crash");
	if (why != NULL)
		wf_file_write_close(writer);
	return why;
}

/*
 * Give up the file that is being written, if any.  To be called when anything went wrong in
 * between: the hash belongs to the transaction.
 */
void
wf_file_write_abandon(WfFileWriter *writer)
{
	if (writer->file >= 0)
	{
		close(writer->file);
		(void) unlinkat(writer->own, BEING_WRITTEN, 0);
	}
	writer->file = -1;
	if (writer->hash != NULL)
		pg_cryptohash_free(writer->hash);
	writer->hash = NULL;
}

/* Close it, and give up what is being written. */
void
wf_file_write_close(WfFileWriter *writer)
{
	wf_file_write_abandon(writer);
	if (writer->own >= 0)
		close(writer->own);
	if (writer->directory >= 0)
		close(writer->directory);
	writer->own = writer->directory = -1;
}

/* --- writing ------------------------------------------------------------------------ */

/* Begin to write a file. */
const char *
wf_file_write_begin(WfFileWriter *writer)
{
	wf_file_write_abandon(writer);
	writer->size = 0;
	writer->file = openat(writer->own, BEING_WRITTEN, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (writer->file < 0)
		return fault("could not create a file");
	writer->hash = pg_cryptohash_create(PG_SHA256);
	if (writer->hash == NULL || pg_cryptohash_init(writer->hash) < 0)
		return "could not compute SHA-256";
	return NULL;
}

/* Write so many bytes more of it. */
const char *
wf_file_write_part(WfFileWriter *writer, const char *bytes, size_t length)
{
	if (pg_cryptohash_update(writer->hash, (const uint8 *) bytes, length) < 0)
		return "could not compute SHA-256";
	writer->size += length;
	while (length > 0)
	{
		ssize_t		written = write(writer->file, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return fault("could not write");
		bytes += written;
		length -= written;
	}
	return NULL;
}

static void
see(const struct stat *status, WfFileSeen *seen)
{
	seen->size = status->st_size;
	seen->modified = status->st_mtim.tv_sec * INT64CONST(1000000000) + status->st_mtim.tv_nsec;
	seen->inode = status->st_ino;
}

/* All of it was written: sync it, with its permissions. */
static const char *
finish(WfFileWriter *writer, const char *mode, const uint8 *sha256, WfFileSeen *seen)
{
	uint8		written[PG_SHA256_DIGEST_LENGTH];
	struct stat status;

	if (pg_cryptohash_final(writer->hash, written, sizeof(written)) < 0)
		return "could not compute SHA-256";
	if (memcmp(written, sha256, sizeof(written)) != 0)
		return "the content has another SHA-256 than it should have";
	if (fchmod(writer->file, mode == NULL ? MODE_FILE : strtol(mode, NULL, 8) & 0777) < 0)
		return fault("could not set the mode");
	if (fsync(writer->file) < 0)
		return fault("could not sync");
	if (fstat(writer->file, &status) < 0)
		return fault("could not look at the file");
	see(&status, seen);
	return NULL;
}

/* It goes to its place. */
static const char *
put_in_place(WfFileWriter *writer, const char *path)
{
	const char *name;
	const char *why = NULL;
	int			parent = wf_file_walk_parent(writer->directory, path, true, &name);

	if (parent < 0)
		return errno == ELOOP || errno == ENOTDIR ?
			"a link or a file is in the place of a directory" : fault("could not open its directory");
	if (renameat(writer->own, BEING_WRITTEN, parent, name) < 0)
		why = errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST ?
			"a directory is in its place" : fault("could not rename");
	else if (fsync(parent) < 0)
		why = fault("could not sync its directory");
	close(parent);
	return why;
}

/*
 * All of the file was written, and this is the SHA-256 of it: have it under its path, in
 * UTF-8, instead of what may be there.  *seen: how it looks then.
 */
const char *
wf_file_write_end(WfFileWriter *writer, const char *path, const char *mode, const uint8 *sha256,
				  WfFileSeen *seen)
{
	const char *why = wf_file_path_fault(path);

	if (why == NULL)
		why = finish(writer, mode, sha256, seen);
	if (why == NULL)
		why = put_in_place(writer, path);
	wf_file_write_abandon(writer);
	return why;
}

/* --- deleting ----------------------------------------------------------------------- */

/* Delete a directory if it is empty, for good.  True: it is not there. */
static bool
delete_directory(WfFileWriter *writer, const char *path)
{
	const char *name;
	int			parent = wf_file_walk_parent(writer->directory, path, false, &name);
	bool		gone;

	if (parent < 0)
		return errno == ENOENT;
	gone = unlinkat(parent, name, AT_REMOVEDIR) == 0 ? fsync(parent) == 0 : errno == ENOENT;
	close(parent);
	return gone;
}

/*
 * Delete the directories that a path lies in, from the lowest one, as far as they are empty.
 * Somebody may have been killed amid that.
 */
static void
delete_empty_parents(WfFileWriter *writer, const char *path)
{
	char		above[WF_FILE_PATH_MAX + 1];
	char	   *slash;
	bool		gone = true;

	strlcpy(above, path, sizeof(above));
	while (gone && (slash = strrchr(above, '/')) != NULL)
	{
		*slash = '\0';
		gone = delete_directory(writer, above);
	}
}

/* Delete a file in its directory, for good; a directory in its place stays.  What went wrong, or NULL. */
static const char *
delete_in(int parent, const char *name)
{
	struct stat status;
	int			saved;

	if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
	{
		saved = errno;
		if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode))
			return NULL;
		errno = saved;
		return fault("could not delete");
	}
	return fsync(parent) < 0 ? fault("could not sync its directory") : NULL;
}

/* Delete a file; it may have gone before. */
const char *
wf_file_write_deletion(WfFileWriter *writer, const char *path)
{
	const char *why = wf_file_path_fault(path);
	const char *name;
	int			parent;

	if (why != NULL)
		return why;
	parent = wf_file_walk_parent(writer->directory, path, false, &name);
	if (parent >= 0)
	{
		why = delete_in(parent, name);
		close(parent);
	}
	else if (errno == ELOOP || errno == ENOTDIR)
		return NULL;
	else if (errno != ENOENT)
		return fault("could not open its directory");
	if (why == NULL)
		delete_empty_parents(writer, path);
	return why;
}

/* --- looking ------------------------------------------------------------------------ */

/* Open a file to read it; -1: there is none, or it is no file. */
static int
open_file(WfFileWriter *writer, const char *path, WfFileSeen *seen)
{
	const char *name;
	struct stat status;
	int			parent = wf_file_walk_parent(writer->directory, path, false, &name);
	int			file;

	if (parent < 0)
		return -1;
	/* a device or a pipe is not waited for */
	file = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	close(parent);
	if (file < 0)
		return -1;
	if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode))
	{
		close(file);
		return -1;
	}
	see(&status, seen);
	return file;
}

/* How does a file look?  False: there is none.  It need not be one that we may read. */
bool
wf_file_write_look(WfFileWriter *writer, const char *path, WfFileSeen *seen)
{
	const char *name;
	struct stat status;
	int			parent = wf_file_walk_parent(writer->directory, path, false, &name);
	bool		found;

	if (parent < 0)
		return false;
	found = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
	close(parent);
	if (found)
		see(&status, seen);
	return found;
}

/* A file that is being read. */
typedef struct Reading
{
	int			file;
	int64		size;
} Reading;

/* Has it the size that it should have still?  Somebody may write to it without an end. */
static bool
has_size(void *arg)
{
	const Reading *reading = arg;
	struct stat status;

	return fstat(reading->file, &status) == 0 && status.st_size == reading->size;
}

/* Is that what is in a file?  *seen: how it looks. */
bool
wf_file_write_matches(WfFileWriter *writer, const char *path, int64 size, const uint8 *sha256,
					  WfFileSeen *seen)
{
	uint8		found[PG_SHA256_DIGEST_LENGTH];
	int			file = open_file(writer, path, seen);
	Reading		reading = {.file = file,.size = size};
	bool		same;

	if (file < 0)
		return false;
	same = seen->size == size && wf_file_walk_hash(file, has_size, &reading, found) &&
		memcmp(found, sha256, sizeof(found)) == 0;
	close(file);
	return same;
}
