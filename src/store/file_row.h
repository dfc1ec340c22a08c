/*
 * file_row.h
 *	  The table workflow.file: versions of the files that all runtimes have.
 */
#ifndef WF_FILE_ROW_H
#define WF_FILE_ROW_H

#include "common/sha2.h"

/* A version of a file. */
typedef struct WfFileRow
{
	const char *path;
	int64		version;
	bool		deleted;		/* then it has no size, sha256 and mode */
	int64		size;
	uint8		sha256[PG_SHA256_DIGEST_LENGTH];
	const char *mode;			/* or NULL */
	const char *content;		/* that has come along from another server; or NULL */
	int32		owner;
	Oid			role;			/* of that owner, as it was read */
	int64		request;		/* once it is stored */
} WfFileRow;

extern bool wf_file_row_newest(const char *path, bool latest, WfFileRow *row);
extern bool wf_file_row_find(const char *path, int64 version, WfFileRow *row);
extern const char *wf_file_row_same_name(const char *path, bytea *folded);
extern const char *wf_file_row_at(bytea *folded);
extern const char *wf_file_row_below(bytea *from, bytea *to);
extern void wf_file_row_insert(WfFileRow *row, bytea *folded);
extern void wf_file_row_forget_old(const char *path, int64 version);
extern bool wf_file_row_expire(void);
extern void wf_file_row_resolve(void);

#endif							/* WF_FILE_ROW_H */
