/*
 * file_pull.h
 *	  Runtimes take files over.
 */
#ifndef WF_FILE_PULL_H
#define WF_FILE_PULL_H

#include "access/transam.h"
#include "utils/array.h"

#include "shmem/member_hear.h"
#include "store/file_row.h"

/* What is pulled goes there; content: NULL if the runtime is to fetch it. */
typedef void (*WfFilePullSink) (void *arg, const WfFileRow *row, bytea *content);

extern void wf_file_pull(WfMemberBeat *beat, int n, bool with_content, WfFilePullSink sink, void *arg);
extern int	wf_file_pull_confirm(WfMemberBeat *beat, ArrayType *requests, ArrayType *errors);
extern void wf_file_pull_begin_anew(WfMemberBeat *beat);
extern void wf_file_pull_position(WfMemberBeat *beat, bool given, FullTransactionId *xid, int64 *request);

#endif							/* WF_FILE_PULL_H */
