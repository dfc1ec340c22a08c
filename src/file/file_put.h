/*
 * file_put.h
 *	  Files are put and deleted.
 */
#ifndef WF_FILE_PUT_H
#define WF_FILE_PUT_H

#include "store/file_row.h"

/* Bytes of a file that is put in one piece, of a part of one, and of any. */
#define WF_FILE_PIECE_MAX	(16 * 1024 * 1024)
#define WF_FILE_MAX			(64 * 1024 * 1024)

extern void wf_file_put(const char *path, bytea *content, const char *mode, WfFileRow *row);
extern int64 wf_file_put_begin(const char *path, const char *mode);
extern int64 wf_file_put_part(int64 upload, int64 at, bytea *content);
extern void wf_file_put_end(int64 upload, const uint8 *sha256, WfFileRow *row);
extern int64 wf_file_put_deletion(const char *path);

#endif							/* WF_FILE_PUT_H */
