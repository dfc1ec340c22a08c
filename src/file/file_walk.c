/*-------------------------------------------------------------------------
 *
 * file_walk.c
 *	  Paths below a directory, walked name by name.
 *
 * Runs in whatever process reads or writes files for a runtime.  Knows no table, and throws
 * nothing.  A path is walked by openat() from the directory, and no link is followed, so
 * that it leads nowhere else, whoever changes something below it meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cryptohash.h"
#include "common/sha2.h"

#include "file/file_path.h"
#include "file/file_walk.h"

/* For others to read, as the umask of a server of PostgreSQL does not have it. */
#define MODE_DIRECTORY	0755

/* Open a directory in another one; make: it is made if it is not there.  -1: errno says why. */
int
wf_file_walk_step(int directory, const char *name, bool make)
{
	int			next = openat(directory, name, WF_FILE_WALK_DIRECTORY);

	if (next >= 0 || errno != ENOENT || !make)
		return next;
	if (mkdirat(directory, name, MODE_DIRECTORY) < 0 && errno != EEXIST)
		return -1;
	next = openat(directory, name, WF_FILE_WALK_DIRECTORY);
	if (next >= 0 && (fchmod(next, MODE_DIRECTORY) < 0 || fsync(next) < 0 || fsync(directory) < 0))
	{
		int			saved = errno;

		close(next);
		errno = saved;
		return -1;
	}
	return next;
}

/*
 * Open the directory that a path lies in; *name is its last name.  -1: errno says why.  The
 * path was checked: none of its names is "..", or too long.
 */
int
wf_file_walk_parent(int directory, const char *path, bool make, const char **name)
{
	const char *slash;

	directory = dup(directory);
	for (; directory >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1)
	{
		char		step[WF_FILE_NAME_MAX + 1];
		int			next;
		int			saved;

		strlcpy(step, path, Min(sizeof(step), (size_t) (slash - path + 1)));
		next = wf_file_walk_step(directory, step, make);
		saved = errno;
		close(directory);
		errno = saved;
		directory = next;
	}
	*name = path;
	return directory;
}

/*
 * The SHA-256 of an open file; false: it could not be read, or is not wanted any more.  That
 * is asked of each part.
 */
bool
wf_file_walk_hash(int file, WfFileWalkWanted wanted, void *arg, uint8 *sha256)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	char		buffer[64 * 1024];
	ssize_t		n;
	bool		done = hash != NULL && pg_cryptohash_init(hash) == 0;

	while (done && (n = read(file, buffer, sizeof(buffer))) != 0)
	{
		bool		interrupted = n < 0 && errno == EINTR;

		done = wanted(arg) && (interrupted || (n > 0 && pg_cryptohash_update(hash, (uint8 *) buffer, n) == 0));
	}
	done = done && pg_cryptohash_final(hash, sha256, PG_SHA256_DIGEST_LENGTH) == 0;
	if (hash != NULL)
		pg_cryptohash_free(hash);
	return done;
}
