/*
 * file_write.h
 *	  Files are written below a directory, and nowhere else.
 */
#ifndef WF_FILE_WRITE_H
#define WF_FILE_WRITE_H

#include <sys/stat.h>

#include "common/cryptohash.h"
#include "common/sha2.h"

/* Below the directory: what is ours alone. */
#define WF_FILE_WRITE_OWN	".workflow"

/* How a file looked when it was written: by that a change of it is noticed. */
typedef struct WfFileSeen
{
	int64		size;
	int64		modified;		/* ns */
	uint64		inode;
} WfFileSeen;

/* A directory that files are written to. */
typedef struct WfFileWriter
{
	int			directory;
	int			own;			/* WF_FILE_WRITE_OWN in it */
	int			file;			/* that is being written, or -1 */
	pg_cryptohash_ctx *hash;	/* of what was written of it */
	int64		size;
} WfFileWriter;

extern const char *wf_file_write_open(WfFileWriter *writer, const char *directory);
extern void wf_file_write_close(WfFileWriter *writer);
extern const char *wf_file_write_begin(WfFileWriter *writer);
extern const char *wf_file_write_part(WfFileWriter *writer, const char *bytes, size_t length);
extern void wf_file_write_abandon(WfFileWriter *writer);
extern const char *wf_file_write_end(WfFileWriter *writer, const char *path, const char *mode,
									 const uint8 *sha256, WfFileSeen *seen);
extern const char *wf_file_write_deletion(WfFileWriter *writer, const char *path);
extern bool wf_file_write_look(WfFileWriter *writer, const char *path, WfFileSeen *seen);
extern bool wf_file_write_matches(WfFileWriter *writer, const char *path, int64 size,
								  const uint8 *sha256, WfFileSeen *seen);

#endif							/* WF_FILE_WRITE_H */
