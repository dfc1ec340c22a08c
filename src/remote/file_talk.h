/*
 * file_talk.h
 *	  What is said to the other server of its files.
 */
#ifndef WF_FILE_TALK_H
#define WF_FILE_TALK_H

#include "access/xlogdefs.h"

#include "file/file_disk.h"
#include "remote/line.h"

/* Who takes files over. */
typedef struct WfFileTalk
{
	WfLine		line;
	char		id[WF_RUNTIME_ID_MAX + 1];
	int64		epoch;
} WfFileTalk;

extern bool wf_file_talk_database(WfFileTalk *talk, Oid *dbid);
extern bool wf_file_talk_forget(WfFileTalk *talk);
extern bool wf_file_talk_position(WfFileTalk *talk, const WfFilePosition *given, WfFilePosition *position);
extern int	wf_file_talk_pull(WfFileTalk *talk, int n, bool with_content, WfFileRow **rows, PGresult **answer);
extern bool wf_file_talk_confirm(WfFileTalk *talk, int n, const WfFileRow *rows, const char **faults, int *left);
extern WfFileFound wf_file_talk_newest(WfFileTalk *talk, const char *path, WfFileRow *row);
extern const char *wf_file_talk_write(WfFileTalk *talk, WfFileWriter *writer, const WfFileRow *row);
extern bool wf_file_talk_paths(WfFileTalk *talk, PGresult **answer, const char ***paths, int *n);
extern bool wf_file_talk_log(WfFileTalk *talk, XLogRecPtr *position);

#endif							/* WF_FILE_TALK_H */
