/*
 * file_chunk.h
 *	  The table workflow.file_chunk: what is in files, in pieces.
 */
#ifndef WF_FILE_CHUNK_H
#define WF_FILE_CHUNK_H

#include "common/sha2.h"

/* Bytes of a piece. */
#define WF_FILE_CHUNK_SIZE	(256 * 1024)

extern void wf_file_chunk_append(const char *path, int64 version, int64 at, const char *bytes,
								 int64 length);
extern bytea *wf_file_chunk_read(const char *path, int64 version, int64 at, int64 length);
extern void wf_file_chunk_move(const char *path, int64 from, int64 to);
extern void wf_file_chunk_delete(const char *path, int64 from, int64 to);
extern void wf_file_chunk_hash(const char *path, int64 version, int64 size, uint8 *sha256);

#endif							/* WF_FILE_CHUNK_H */
