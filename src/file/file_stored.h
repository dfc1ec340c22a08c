/*
 * file_stored.h
 *	  What is stored in a file goes to the disk.
 */
#ifndef WF_FILE_STORED_H
#define WF_FILE_STORED_H

#include "file/file_write.h"
#include "store/file_row.h"

extern const char *wf_file_stored_write(WfFileWriter *writer, const WfFileRow *row);

#endif							/* WF_FILE_STORED_H */
