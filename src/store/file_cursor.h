/*
 * file_cursor.h
 *	  The tables workflow.file_cursor and workflow.file_receipt: how far runtimes have taken
 *	  files over.
 */
#ifndef WF_FILE_CURSOR_H
#define WF_FILE_CURSOR_H

#include "access/transam.h"
#include "datatype/timestamp.h"
#include "utils/array.h"

#include "store/file_row.h"

/* How far a runtime is, see sql/parts/file.sql. */
typedef struct WfFileCursor
{
	const char *runtime;
	FullTransactionId xid;
	int64		request;
	FullTransactionId base;
} WfFileCursor;

extern void wf_file_cursor_lock(const char *runtime, WfFileCursor *cursor);
extern int	wf_file_cursor_next(const WfFileCursor *cursor, int n, WfFileRow **rows);
extern void wf_file_cursor_confirm(const WfFileCursor *cursor, ArrayType *requests, ArrayType *errors);
extern void wf_file_cursor_advance(const WfFileCursor *cursor);
extern int	wf_file_cursor_waiting(const char *runtime);
extern void wf_file_cursor_begin_anew(const char *runtime);
extern void wf_file_cursor_set_back(const char *runtime, FullTransactionId xid, int64 request);
extern TimestampTz wf_file_cursor_retry_at(const char *runtime);
extern void wf_file_cursor_forget(const char *runtime);
extern void wf_file_cursor_forget_all(void);

#endif							/* WF_FILE_CURSOR_H */
