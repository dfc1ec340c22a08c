/*-------------------------------------------------------------------------
 *
 * file_manifest.c
 *	  What was written to a directory, as it is remembered there.
 *
 * Runs in the process that writes files.  It lies on the same disk as the files, so that it
 * is as old as they are, whatever was restored, of the disk or of the database.  It is
 * replaced as a whole, and saved before the database hears that files were written: what is
 * missing in it is written once more.  A file of text, a line a file.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "file/file_manifest.h"
#include "file/file_path.h"

#define NAME		"manifest"
#define NEW_NAME	"manifest.new"
#define HEAD		"workflow files 1 " UINT64_FORMAT " %u %u " UINT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT

static uint32
hash_path(const void *key, Size size)
{
	const char *path = *(char *const *) key;

	return hash_bytes((const unsigned char *) path, (int) strlen(path));
}

static int
compare_path(const void *a, const void *b, Size size)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The keys are pointers: there may be very many files, and hardly any path has the length that it may. */
static HTAB *
make_table(void)
{
	HASHCTL		info = {.keysize = sizeof(char *),.entrysize = sizeof(WfFileWritten),.hash = hash_path,
	.match = compare_path,.hcxt = TopMemoryContext};

	return hash_create("files that were written", 1024, &info,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* A file that was written; NULL: it was not. */
WfFileWritten *
wf_file_manifest_find(const WfFileManifest *manifest, const char *path)
{
	return hash_search(manifest->files, &path, HASH_FIND, NULL);
}

/* The same; it is added if it was not. */
WfFileWritten *
wf_file_manifest_enter(WfFileManifest *manifest, const char *path)
{
	WfFileWritten *file = wf_file_manifest_find(manifest, path);
	char	   *key;

	if (file != NULL)
		return file;
	key = MemoryContextStrdup(TopMemoryContext, path);
	file = hash_search(manifest->files, &key, HASH_ENTER, NULL);
	memset(file, 0, sizeof(*file));
	file->path = key;
	return file;
}

/* A file was deleted. */
void
wf_file_manifest_remove(WfFileManifest *manifest, const char *path)
{
	WfFileWritten *file = wf_file_manifest_find(manifest, path);
	char	   *key;

	if (file == NULL)
		return;
	key = file->path;
	(void) hash_search(manifest->files, &key, HASH_REMOVE, NULL);
	pfree(key);
}

/* --- reading ------------------------------------------------------------------------ */

/* All that is in the file; false: there is none. */
static bool
read_all(const WfFileWriter *writer, StringInfo text)
{
	int			file = openat(writer->own, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char		buffer[64 * 1024];
	ssize_t		n;

	if (file < 0)
		return false;
	while ((n = read(file, buffer, sizeof(buffer))) > 0)
		appendBinaryStringInfo(text, buffer, (int) n);
	close(file);
	/* of a last line that is torn, a part of a path is a path, too */
	return n == 0 && text->len > 0 && text->data[text->len - 1] == '\n';
}

/* A line of a file; false: it is none. */
static bool
read_line(WfFileManifest *manifest, const char *line)
{
	char		sha256[PG_SHA256_DIGEST_STRING_LENGTH];
	WfFileWritten read;
	WfFileWritten *file;
	int			kept;
	int			end = 0;

	memset(&read, 0, sizeof(read));
	/* what comes then is one space, and the path, which may begin with one, too */
	if (sscanf(line, INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT " " UINT64_FORMAT " %d %64[0-9a-f]%n",
			   &read.version, &read.seen.size, &read.seen.modified, &read.seen.inode, &kept, sha256, &end) < 6 ||
		end == 0 || strlen(sha256) != 64 || line[end++] != ' ' || wf_file_path_fault(line + end) != NULL)
		return false;
	(void) hex_decode(sha256, 64, (char *) read.sha256);
	file = wf_file_manifest_enter(manifest, line + end);
	file->version = read.version;
	file->seen = read.seen;
	file->kept = kept != 0;
	memcpy(file->sha256, read.sha256, sizeof(file->sha256));
	return true;
}

/*
 * Read it; false: there is none, or it cannot be read, and nothing is known.  In
 * TopMemoryContext.
 */
bool
wf_file_manifest_read(const WfFileWriter *writer, WfFileManifest *manifest)
{
	StringInfoData text;
	char	   *line;
	char	   *rest;
	bool		good;

	memset(manifest, 0, sizeof(*manifest));
	manifest->files = make_table();
	initStringInfo(&text);
	if (!read_all(writer, &text))
		return false;
	line = strtok_r(text.data, "\n", &rest);
	good = line != NULL && sscanf(line, HEAD, &manifest->system, &manifest->dbid, &manifest->timeline, &manifest->xid,
								  &manifest->request, &manifest->saved_at) == 6;
	while (good && (line = strtok_r(NULL, "\n", &rest)) != NULL)
		good = read_line(manifest, line);
	pfree(text.data);
	return good;
}

/* --- writing ------------------------------------------------------------------------ */

static void
append_line(StringInfo text, const WfFileWritten *file)
{
	char		sha256[PG_SHA256_DIGEST_STRING_LENGTH] = {0};

	(void) hex_encode((const char *) file->sha256, sizeof(file->sha256), sha256);
	appendStringInfo(text, INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT " " UINT64_FORMAT " %d %s %s\n",
					 file->version, file->seen.size, file->seen.modified, file->seen.inode, file->kept, sha256,
					 file->path);
}

/* Write and sync a file of ours; what went wrong, or NULL. */
static const char *
write_all(const WfFileWriter *writer, const StringInfo text)
{
	int			file = openat(writer->own, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	int			done = 0;
	const char *why = NULL;

	while (file >= 0 && done < text->len)
	{
		ssize_t		n = write(file, text->data + done, text->len - done);

		if (n < 0 && errno != EINTR)
			break;
		done += Max(n, 0);
	}
	if (file < 0 || done < text->len || fsync(file) < 0 ||
		renameat(writer->own, NEW_NAME, writer->own, NAME) < 0 || fsync(writer->own) < 0)
		why = psprintf("could not save what was written: %s", strerror(errno));
	if (file >= 0)
		close(file);
	/* on a disk that is full others need the room */
	if (why != NULL)
		(void) unlinkat(writer->own, NEW_NAME, 0);
	return why;
}

/* Save it; what went wrong, or NULL. */
const char *
wf_file_manifest_save(const WfFileWriter *writer, const WfFileManifest *manifest)
{
	StringInfoData text;
	HASH_SEQ_STATUS scan;
	WfFileWritten *file;
	const char *why;

	initStringInfo(&text);
	appendStringInfo(&text, HEAD "\n", manifest->system, manifest->dbid, manifest->timeline, manifest->xid,
					 manifest->request, manifest->saved_at);
	hash_seq_init(&scan, manifest->files);
	while ((file = hash_seq_search(&scan)) != NULL)
		append_line(&text, file);
	why = write_all(writer, &text);
	pfree(text.data);
	return why;
}
