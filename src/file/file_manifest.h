/*
 * file_manifest.h
 *	  What was written to a directory, as it is remembered there.
 */
#ifndef WF_FILE_MANIFEST_H
#define WF_FILE_MANIFEST_H

#include "utils/hsearch.h"

#include "file/file_write.h"

/* A file that was written. */
typedef struct WfFileWritten
{
	char	   *path;			/* in UTF-8; the key */
	int64		version;
	uint8		sha256[PG_SHA256_DIGEST_LENGTH];
	WfFileSeen	seen;			/* how it looked then */
	bool		kept;			/* somebody has changed it, and may */
} WfFileWritten;

/* Of which database, and how far that was taken over. */
typedef struct WfFileManifest
{
	uint64		system;
	Oid			dbid;
	uint32		timeline;
	uint64		xid;
	int64		request;
	int64		saved_at;		/* as TimestampTz */
	HTAB	   *files;			/* of WfFileWritten */
} WfFileManifest;

extern bool wf_file_manifest_read(const WfFileWriter *writer, WfFileManifest *manifest);
extern const char *wf_file_manifest_save(const WfFileWriter *writer, const WfFileManifest *manifest);
extern WfFileWritten *wf_file_manifest_find(const WfFileManifest *manifest, const char *path);
extern WfFileWritten *wf_file_manifest_enter(WfFileManifest *manifest, const char *path);
extern void wf_file_manifest_remove(WfFileManifest *manifest, const char *path);

#endif							/* WF_FILE_MANIFEST_H */
