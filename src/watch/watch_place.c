/*-------------------------------------------------------------------------
 *
 * watch_place.c
 *	  Directories that are looked at.
 *
 * Runs in the watcher.  Knows no table; what goes wrong is a text for people.  Only what a
 * superuser has listed is looked at, and what is below that: neither that nor anything
 * below it may be a link, whoever plants one meanwhile.  Of what is in a directory only files count, no
 * link to any.  Nothing of that is changed, and no content told: SHA-256 is all that is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/procsignal.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/guc.h"
#include "file/file_directory.h"
#include "file/file_path.h"
#include "file/file_walk.h"
#include "watch/watch_pattern.h"
#include "watch/watch_place.h"

/* While a file is read, it is looked at each time that so many parts were: 16 MB. */
#define PARTS_PER_LOOK	256

/* --- which there are ------------------------------------------------------------------ */

/* Is it one of a file system, and not one that others report of? */
bool
wf_watch_place_is_path(const char *directory)
{
	return directory[0] == '/';
}

/* Does it begin with the scheme of a URL? */
static bool
is_url(const char *directory)
{
	size_t		length = strspn(directory, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	return length > 0 && directory[0] >= 'a' && directory[0] <= 'z' &&
		strncmp(directory + length, "://", 3) == 0 && directory[length + 3] != '\0';
}

/* What is wrong with a name in a path; NULL: nothing. */
static const char *
name_fault(const char *name, size_t length)
{
	if (length == 0)
		return "It has an empty name, or ends with \"/\".";
	if ((length == 1 && name[0] == '.') || (length == 2 && memcmp(name, "..", 2) == 0))
		return "It has \".\" or \"..\" as a name.";
	if (length > WF_FILE_NAME_MAX)
		return "It has a name of more than 255 bytes.";
	return NULL;
}

/*
 * What is wrong with a directory, in UTF-8, as a whole sentence; NULL: nothing.  That it is
 * there need not be.
 */
const char *
wf_watch_place_fault(const char *directory)
{
	const char *fault = NULL;

	if (directory[0] == '\0')
		return "It is empty.";
	if (strlen(directory) > WF_WATCH_PLACE_MAX)
		return "It has more than 1024 bytes.";
	if (!wf_watch_place_is_path(directory))
	{
		if (!is_url(directory))
			return "It is neither an absolute path nor a URL.";
		return directory[strlen(directory) - 1] == '/' ? "It ends with \"/\"." : NULL;
	}
	while (fault == NULL && *directory != '\0')
	{
		size_t		length = strcspn(++directory, "/");

		fault = name_fault(directory, length);
		directory += length;
	}
	return fault;
}

/* Is it that directory, or below it? */
static bool
lies_in(const char *directory, const char *listed)
{
	size_t		length = strlen(listed);

	if (strcmp(listed, "/") == 0)
		return true;
	return strncmp(directory, listed, length) == 0 && (directory[length] == '\0' || directory[length] == '/');
}

/*
 * The directory of workflow.trigger_directories that this one is, or is below, in the
 * current memory context; NULL: none, so it is not looked at.
 */
const char *
wf_watch_place_listed(const char *directory)
{
	List	   *listed;
	ListCell   *cell;
	const char *longest = NULL;

	if (!wf_watch_place_is_path(directory) ||
		!SplitDirectoriesString(pstrdup(wf_trigger_directories), ',', &listed))
		return NULL;
	foreach(cell, listed)
	{
		const char *one = lfirst(cell);

		if (lies_in(directory, one) && (longest == NULL || strlen(one) > strlen(longest)))
			longest = one;
	}
	return longest;
}

/* --- opening -------------------------------------------------------------------------- */

static const char *
fault_of_error(void)
{
	switch (errno)
	{
		case ENOENT:
			return "The directory does not exist.";
		case ELOOP:
		case ENOTDIR:
			return "A link or a file is in the place of a directory.";
		default:
			return psprintf("The directory cannot be opened: %s.", strerror(errno));
	}
}

/* What comes behind the directory that is listed. */
static const char *
behind(const char *listed, const char *directory)
{
	const char *rest = directory + (strcmp(listed, "/") == 0 ? 0 : strlen(listed));

	return *rest == '/' ? rest + 1 : rest;
}

/* Open one below another one, which is closed. */
static int
descend(int above, const char *rest)
{
	const char *name;
	int			parent = -1;
	int			saved;

	if (*rest == '\0' || above < 0)
		return above;
	parent = wf_file_walk_parent(above, rest, false, &name);
	saved = errno;
	close(above);
	if (parent < 0)
	{
		errno = saved;
		return -1;
	}
	above = wf_file_walk_step(parent, name, false);
	saved = errno;
	close(parent);
	errno = saved;
	return above;
}

/* Does it lie where the server has its data? */
static bool
has_data(const char *listed, const char *rest)
{
	char		real[PATH_MAX];

	/* on the way to what is listed there may be links, from there on there are none */
	return realpath(listed, real) == NULL ||
		wf_file_directory_has_data(*rest == '\0' ? real : psprintf("%s/%s", strcmp(real, "/") == 0 ? "" : real, rest));
}

static TimestampTz
time_of(const struct timespec *time)
{
	int64		seconds = (int64) time->tv_sec - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY;

	/* any number can stand on a disk */
	seconds = Max(MIN_TIMESTAMP / USECS_PER_SEC + 1, Min(seconds, END_TIMESTAMP / USECS_PER_SEC - 1));
	return seconds * USECS_PER_SEC + time->tv_nsec / 1000;
}

/*
 * Open a directory, in UTF-8, which lies in one that is listed.  Returns what keeps it from
 * being looked at, or NULL.
 */
const char *
wf_watch_place_open(WfWatchPlace *place, const char *listed, const char *directory)
{
	const char *rest = behind(listed, directory);
	int			opened = descend(open(listed, WF_FILE_WALK_DIRECTORY), rest);
	struct stat status;

	memset(place, 0, sizeof(*place));
	if (opened < 0)
		return fault_of_error();
	if (has_data(listed, rest))
	{
		close(opened);
		return "The directory is one with data of the server.";
	}
	if (fstat(opened, &status) < 0 || (place->names = fdopendir(opened)) == NULL)
	{
		const char *why = fault_of_error();

		close(opened);
		return why;
	}
	place->inode = (int64) status.st_ino;
	place->modified = time_of(&status.st_mtim);
	return NULL;
}

/* Close it. */
void
wf_watch_place_close(WfWatchPlace *place)
{
	if (place->names != NULL)
		closedir(place->names);
	place->names = NULL;
}

/* --- what is in it -------------------------------------------------------------------- */

static void
see(const struct stat *status, WfWatchSight *sight)
{
	sight->size = status->st_size;
	sight->modified = time_of(&status->st_mtim);
	sight->inode = (int64) status->st_ino;
	sight->changed = time_of(&status->st_ctim);
	sight->read = false;
}

/* Does a name fit?  One that is no text does not. */
static bool
is_meant(WfWatchPlace *place, const char *pattern, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	if (!pg_verify_mbstr(PG_UTF8, name, (int) strlen(name), true))
	{
		place->unreadable++;
		return false;
	}
	return wf_watch_pattern_matches(pattern, name);
}

/*
 * The next file that fits a pattern in UTF-8: *name, until the next call, and how it looks.
 * *name is NULL at the end.  Returns what went wrong, or NULL.
 */
const char *
wf_watch_place_next(WfWatchPlace *place, const char *pattern, const char **name, WfWatchSight *sight)
{
	struct dirent *entry;

	*name = NULL;
	while (errno = 0, (entry = readdir(place->names)) != NULL)
	{
		struct stat status;

		if (!is_meant(place, pattern, entry->d_name))
			continue;
		if (fstatat(dirfd(place->names), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		{
			if (errno == ENOENT)
				continue;		/* it has gone since */
			return psprintf("A file in the directory cannot be looked at: %s.", strerror(errno));
		}
		if (!S_ISREG(status.st_mode))
			continue;
		*name = entry->d_name;
		see(&status, sight);
		return NULL;
	}
	return errno == 0 ? NULL : psprintf("The directory cannot be read: %s.", strerror(errno));
}

/* Does a file still look so? */
static bool
is_same(const struct stat *status, const WfWatchSight *sight)
{
	WfWatchSight now;

	see(status, &now);
	return now.size == sight->size && now.modified == sight->modified && now.inode == sight->inode &&
		now.changed == sight->changed;
}

/* A file that is being read. */
typedef struct Reading
{
	int			file;
	const WfWatchSight *sight;	/* as it looked before */
	int			parts;			/* so many were read */
	bool		unwanted;		/* and no more are to be */
} Reading;

/*
 * Does it make sense to read on?  A file may take hours.  Who drops a database, or a
 * tablespace, waits for all processes, so for this one, too.
 */
static bool
is_wanted(void *arg)
{
	Reading    *reading = arg;
	struct stat status;

	if (ProcSignalBarrierPending)
		ProcessProcSignalBarrier();
	if (ProcDiePending)
		reading->unwanted = true;
	else if (reading->parts++ % PARTS_PER_LOOK == 0)
		reading->unwanted = fstat(reading->file, &status) < 0 || !is_same(&status, reading->sight);
	return !reading->unwanted;
}

/* Is it the file that looked so? */
static bool
is_still(int file, const WfWatchSight *sight)
{
	struct stat status;

	return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && is_same(&status, sight);
}

/*
 * Read the content of a file that looks so; false: it cannot be read, which is counted, or was
 * changed meanwhile.
 */
bool
wf_watch_place_read(WfWatchPlace *place, const char *name, WfWatchSight *sight)
{
	/* a device or a pipe that has taken its place is not waited for */
	int			file = openat(dirfd(place->names), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	Reading		reading = {.file = file,.sight = sight};
	bool		done = false;

	if (file < 0)
	{
		/* it may have gone, or a link may have come */
		if (errno != ENOENT && errno != ELOOP)
			place->unreadable++;
		return false;
	}
	if (is_still(file, sight))
	{
		done = wf_file_walk_hash(file, is_wanted, &reading, sight->sha256);
		if (!done && !reading.unwanted)
			place->unreadable++;	/* a disk that is damaged */
		done = done && is_still(file, sight);
	}
	close(file);
	sight->read = done;
	return done;
}

/*
 * Is a file of this name there?  Who reads a directory while names come and go may miss one that stays,
 * on some file systems.
 */
bool
wf_watch_place_has(const WfWatchPlace *place, const char *name)
{
	struct stat status;

	return fstatat(dirfd(place->names), name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? S_ISREG(status.st_mode) :
		errno != ENOENT;
}
