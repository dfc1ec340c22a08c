/*
 * file_disk.h
 *	  The files of a cluster, as they lie on the disk of one of its runtimes.
 */
#ifndef WF_FILE_DISK_H
#define WF_FILE_DISK_H

#include "file/file_write.h"
#include "store/file_row.h"

/* So many files are taken over at a time, or so many bytes. */
#define WF_FILE_DISK_BATCH			200
#define WF_FILE_DISK_BATCH_BYTES	(64 * 1024 * 1024)

/* Whose files they are. */
typedef struct WfFileOwner
{
	uint64		system;			/* identifier of the server that holds the database, */
	uint32		timeline;
	Oid			dbid;
} WfFileOwner;

/* How far files were taken over, see store/file_cursor.c. */
typedef struct WfFilePosition
{
	uint64		xid;
	int64		request;
} WfFilePosition;

typedef enum WfFileFound
{
	WF_FILE_STORED,
	WF_FILE_NOT_STORED,
	WF_FILE_NOT_KNOWN			/* there is trouble */
} WfFileFound;

/* What is stored, as this process can look at it.  Paths are in UTF-8. */
typedef struct WfFileSource
{
	/* the newest version of a path, if it was not deleted */
	WfFileFound (*newest) (const char *path, WfFileRow *row);
	/* write all that is in a version; what went wrong, or NULL */
	const char *(*write) (WfFileWriter *writer, const WfFileRow *row);
} WfFileSource;

/* What comes of a try to open the disk. */
typedef enum WfFileDiskOpened
{
	WF_FILE_DISK_OPEN,
	WF_FILE_DISK_BUSY,			/* another process writes there */
	WF_FILE_DISK_REFUSED		/* somebody has to do something; the log says what */
} WfFileDiskOpened;

extern WfFileDiskOpened wf_file_disk_open(const WfFileOwner *owner, const char **told);
extern void wf_file_disk_close(void);
extern bool wf_file_disk_is_current(WfFilePosition *position);
extern void wf_file_disk_sweep(bool (*is_stored) (const char *path));
extern void wf_file_disk_look(const WfFileSource *source);
extern int	wf_file_disk_take(const WfFileSource *source, const WfFilePosition *position, int n,
							  const WfFileRow *rows, const char **faults);

#endif							/* WF_FILE_DISK_H */
