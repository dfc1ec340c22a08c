/*-------------------------------------------------------------------------
 *
 * file_directory.c
 *	  Is a directory one that files may be written to?
 *
 * Runs in the process that is about to write.  Who may put files must not be able to change
 * the server by that: its data, tablespaces, configuration and programs are out of reach.
 * And nobody else may be able to change what is there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "file/file_directory.h"

/* Is one directory the other, or below it? */
static bool
lies_in(const char *path, const char *directory)
{
	size_t		length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
		(path[length] == '\0' || path[length] == '/' || (length > 0 && directory[length - 1] == '/'));
}

/* Is it, or what it is a link to, in or around a directory of the server? */
static bool
touches(const char *path, const char *other)
{
	char		real[PATH_MAX];

	if (other == NULL || realpath(other, real) == NULL)
		return false;
	return lies_in(path, real) || lies_in(real, path);
}

/* The same of what a path lies in. */
static bool
touches_parent(const char *path, const char *other)
{
	char		parent[MAXPGPATH];

	if (other == NULL || other[0] == '\0')
		return false;
	strlcpy(parent, other, sizeof(parent));
	get_parent_directory(parent);
	return touches(path, parent);
}

/* Is it in a directory of the server, or what that is a link to? */
static bool
is_below(const char *path, const char *other)
{
	char		real[PATH_MAX];

	return realpath(other, real) != NULL && lies_in(path, real);
}

/* Is that so of any tablespace? */
static bool
any_tablespace(const char *path, bool (*is) (const char *path, const char *other))
{
	DIR		   *links = opendir("pg_tblspc");
	struct dirent *entry;
	bool		found = false;

	while (links != NULL && !found && (entry = readdir(links)) != NULL)
		if (entry->d_name[0] != '.')
			found = is(path, psprintf("pg_tblspc/%s", entry->d_name));
	if (links != NULL)
		closedir(links);
	return found;
}

/*
 * What keeps files from being written there; NULL: nothing, and *resolved is the directory, in
 * the current memory context, with no link on the way to it.  Changes nothing.
 */
const char *
wf_file_directory_fault(const char *path, const char **resolved)
{
	char		real[PATH_MAX];
	char		extensions[MAXPGPATH];
	struct stat status;

	if (!is_absolute_path(path))
		return "It is no absolute path.";
	if (realpath(path, real) == NULL || stat(real, &status) < 0)
		return psprintf("It cannot be looked at: %s.", strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return "It is no directory.";
	get_share_path(my_exec_path, extensions);
	if (touches(real, DataDir) || touches(real, "pg_wal") || any_tablespace(real, touches))
		return "It lies in, or around, a directory with data of the server.";
	if (touches_parent(real, ConfigFileName) || touches_parent(real, HbaFileName) || touches_parent(real, IdentFileName))
		return "It lies in, or around, a directory with the server's configuration.";
	if (touches(real, pkglib_path) || touches_parent(real, my_exec_path) || touches(real, extensions))
		return "It lies in, or around, a directory with the server's programs.";
	if (status.st_uid != geteuid())
		return "It does not belong to the user of the server.";
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "Others than the user of the server could change what is in it.";
	*resolved = pstrdup(real);
	return NULL;
}

/*
 * Does a directory, with no link on the way to it, lie in one with data of the server?  What
 * is in it is then nobody's business.  Changes nothing.
 */
bool
wf_file_directory_has_data(const char *path)
{
	return is_below(path, DataDir) || is_below(path, "pg_wal") || any_tablespace(path, is_below);
}
