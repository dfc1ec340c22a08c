/*-------------------------------------------------------------------------
 *
 * file_put.c
 *	  Files are put and deleted.
 *
 * Runs in the session that does it.  A change is a new version, with a row of its own for
 * a deletion, too; runtimes are told of it where the transaction commits.
 *
 * Locks: the upload, if there is one; then the path, and, shared with others, the
 * directories it lies in, so that of two sessions that want a file and a directory in one
 * place, or two paths that are one to a file system, the second waits.  Whoever changes
 * many files in a transaction locks groups of paths in the end, so that it takes some
 * hundred locks and no more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "file/file_path.h"
#include "file/file_put.h"
#include "file/file_right.h"
#include "shmem/file_change.h"
#include "store/file_chunk.h"
#include "store/file_request.h"
#include "store/file_upload.h"
#include "store/origin.h"

/* Versions that are kept behind the newest one. */
#define OLD_VERSIONS	3

/* Paths fall into so many groups.  A transaction locks single ones up to that number of times. */
#define NGROUPS			64
#define MOST_SINGLE		400

/* --- paths -------------------------------------------------------------------------- */

static bytea *
bytea_of(const char *bytes, size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return result;
}

/* Are there so few locks of this transaction that it may lock a single path? */
static bool
is_single(void)
{
	static LocalTransactionId counted_in = InvalidLocalTransactionId;
	static int	n;

	if (counted_in != WF_MY_LXID)
	{
		counted_in = WF_MY_LXID;
		n = 0;
	}
	return n++ < MOST_SINGLE;
}

/* Lock that number of that kind; the tag is our own, as that of wf_definition_row_lock_name(). */
static void
lock_number(uint32 number, uint16 kind, LOCKMODE mode)
{
	LockDatabaseObject(get_relname_relid("file", get_namespace_oid("workflow", false)), number, kind, mode);
}

/*
 * Lock a name until the end of the transaction.  Who locks a single one has its group, too,
 * shared with others who do so, and who has locked too many has the group for itself.
 */
static void
lock_name(const char *folded, size_t length, LOCKMODE mode)
{
	uint32		hash = hash_bytes((const unsigned char *) folded, (int) length);

	if (is_single())
	{
		lock_number(hash % NGROUPS, 0, ShareLock);
		lock_number(hash, 1, mode);
	}
	else
		lock_number(hash % NGROUPS, 0, ExclusiveLock);
}

static void
lock_path(const char *folded)
{
	for (const char *slash = strchr(folded, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
		lock_name(folded, slash - folded, ShareLock);
	lock_name(folded, strlen(folded), ExclusiveLock);
}

static void
refuse_place(const char *path, const char *other, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("file \"%s\" is in the way of \"%s\"", wf_quote(other), wf_quote(path)),
			 errdetail_internal("%s", detail)));
}

/* Error 42710 if a new path, which is locked, is taken: by another file, or a directory. */
static void
check_place(const char *path, const char *folded)
{
	size_t		length = strlen(folded);
	const char *other = wf_file_row_same_name(path, bytea_of(folded, length));

	if (other != NULL)
		refuse_place(path, other, "Their paths differ in case only, and some file systems ignore that.");
	for (const char *slash = strchr(folded, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
	{
		other = wf_file_row_at(bytea_of(folded, slash - folded));
		if (other != NULL)
			refuse_place(path, other, "A directory cannot have the path of a file.");
	}
	/* what is below it begins with it and '/', behind which comes '0' */
	other = wf_file_row_below(bytea_of(psprintf("%s/", folded), length + 1),
							  bytea_of(psprintf("%s0", folded), length + 1));
	if (other != NULL)
		refuse_place(path, other, "A file cannot have the path of a directory.");
}

/* Error 22023 if it is none that a file can have: three octal digits, and perhaps a 0 before. */
static void
check_mode(const char *mode)
{
	const char *digits = mode;

	if (mode == NULL)
		return;
	if (strlen(mode) == 4 && mode[0] == '0')
		digits++;
	if (strlen(digits) != 3 || strspn(digits, "01234567") != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid mode of a file \"%s\"", wf_quote(mode)),
				 errdetail("It has three octal digits, as in '0644' or '755'.")));
}

static void
check_size(int64 size, int64 maximum, const char *hint)
{
	if (size > maximum)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the file is too large"),
				 errdetail("It has more than %d MB.", (int) (maximum / (1024 * 1024))),
				 hint ? errhint("%s", hint) : 0));
}

/* --- versions ----------------------------------------------------------------------- */

/* What a change begins with. */
typedef struct Change
{
	const char *path;
	char	   *folded;
	bool		known;			/* `before` was read: the newest version up to now */
	WfFileRow	before;
} Change;

/* Is the file there? */
static bool
is_there(const Change *change)
{
	return change->known && !change->before.deleted;
}

/* Lock a path, and look what is there.  Error WF002 if the current user may not write it. */
static void
begin(const char *path, Change *change)
{
	change->path = path;
	change->folded = wf_file_path_check(path);
	wf_origin_write();
	lock_path(change->folded);
	change->known = wf_file_row_newest(path, true, &change->before);
	if (is_there(change))
		wf_file_right_require(path, change->before.role, "write");
}

/* Is that what is there? */
static bool
is_same(const Change *change, const WfFileRow *row)
{
	const WfFileRow *before = &change->before;

	return is_there(change) && before->size == row->size &&
		memcmp(before->sha256, row->sha256, sizeof(row->sha256)) == 0 &&
		(before->mode == NULL ? row->mode == NULL : row->mode != NULL && strcmp(before->mode, row->mode) == 0);
}

/*
 * Store what the file is from now on, but for its content.  Error 42710 if another one is
 * in the way.
 */
static void
store(const Change *change, WfFileRow *row)
{
	if (!is_there(change))
		check_place(change->path, change->folded);
	row->path = change->path;
	row->version = change->known ? change->before.version + 1 : 1;
	row->owner = is_there(change) ? change->before.owner : wf_owner_role_enter(GetUserId());
	wf_file_row_insert(row, bytea_of(change->folded, strlen(change->folded)));
	wf_file_request_insert(row);
	wf_file_row_forget_old(row->path, row->version - OLD_VERSIONS - 1);
	wf_file_change();
}

static void
hash(bytea *content, uint8 *sha256)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (uint8 *) VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content)) < 0 ||
		pg_cryptohash_final(context, sha256, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256");
	pg_cryptohash_free(context);
}

/*
 * Put a file in one piece; *row is the version that is there then.  Errors 22023 its path
 * or mode, 54000 too large, 42710 another one is in the way, WF002.  SPI must be connected,
 * as for all of these.
 */
void
wf_file_put(const char *path, bytea *content, const char *mode, WfFileRow *row)
{
	Change		change;

	memset(row, 0, sizeof(*row));
	row->size = VARSIZE_ANY_EXHDR(content);
	row->mode = mode;
	check_mode(mode);
	check_size(row->size, WF_FILE_PIECE_MAX, "Send it in parts: workflow.begin_file().");
	hash(content, row->sha256);
	begin(path, &change);
	if (is_same(&change, row))
	{
		*row = change.before;
		return;
	}
	store(&change, row);
	wf_file_chunk_append(path, row->version, 0, VARDATA_ANY(content), row->size);
}

/* --- parts -------------------------------------------------------------------------- */

/* Begin to send a file in parts; returns the number of the upload. */
int64
wf_file_put_begin(const char *path, const char *mode)
{
	WfFileUpload upload = {.path = path,.mode = mode,.role = GetUserId()};
	WfFileRow	row;

	(void) wf_file_path_check(path);
	check_mode(mode);
	wf_origin_write();
	if (wf_file_row_newest(path, false, &row) && !row.deleted)
		wf_file_right_require(path, row.role, "write");
	wf_file_upload_insert(&upload);
	return upload.id;
}

/* Lock an upload of the current user's.  Errors WF010, WF002. */
static void
hold(int64 id, WfFileUpload *upload)
{
	wf_origin_require();
	if (!wf_file_upload_lock(id, upload))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("upload " INT64_FORMAT " does not exist", id),
				 errdetail("It has ended, or was not continued for a day."),
				 errhint("Begin it anew.")));
	if (upload->role != GetUserId() && !has_privs_of_role(GetUserId(), upload->role))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("upload " INT64_FORMAT " is another role's", id)));
}

/*
 * The next part, behind the first `at` bytes.  Returns how many there are now.  Errors
 * 22023 it does not follow, 54000.
 */
int64
wf_file_put_part(int64 id, int64 at, bytea *content)
{
	WfFileUpload upload;
	int64		length = VARSIZE_ANY_EXHDR(content);

	check_size(length, WF_FILE_PIECE_MAX, "Send it in smaller parts.");
	hold(id, &upload);
	if (at != upload.size)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the part does not follow what has come"),
				 errdetail("It begins at byte " INT64_FORMAT ", and " INT64_FORMAT " have come.", at, upload.size)));
	check_size(upload.size + length, WF_FILE_MAX, NULL);
	wf_file_chunk_append(upload.path, WF_FILE_UPLOAD_VERSION(&upload), at, VARDATA_ANY(content), length);
	upload.size += length;
	wf_file_upload_update(&upload);
	return upload.size;
}

/* All parts have come, and this is the SHA-256 of all; *row as wf_file_put().  Error 22023 if it is not. */
void
wf_file_put_end(int64 id, const uint8 *sha256, WfFileRow *row)
{
	WfFileUpload upload;
	Change		change;
	int64		version;

	memset(row, 0, sizeof(*row));
	hold(id, &upload);
	version = WF_FILE_UPLOAD_VERSION(&upload);
	row->size = upload.size;
	row->mode = upload.mode;
	wf_file_chunk_hash(upload.path, version, upload.size, row->sha256);
	if (memcmp(row->sha256, sha256, sizeof(row->sha256)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("what has come has another SHA-256"),
				 errhint("Begin the upload anew.")));
	begin(upload.path, &change);
	wf_file_upload_delete(&upload);
	if (is_same(&change, row))
	{
		wf_file_chunk_delete(upload.path, version, version);
		*row = change.before;
		return;
	}
	store(&change, row);
	wf_file_chunk_move(upload.path, version, row->version);
}

/* --- deletion ----------------------------------------------------------------------- */

/* Delete a file; returns the number of the version that says so.  Errors WF010, WF002. */
int64
wf_file_put_deletion(const char *path)
{
	WfFileRow	row = {.deleted = true};
	Change		change;

	begin(path, &change);
	if (!is_there(&change))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("file \"%s\" does not exist", wf_quote(path))));
	store(&change, &row);
	wf_privilege_drop_on(WF_PRIVILEGE_FILE, path);
	(void) wf_owner_role_release(row.owner);
	return row.version;
}
