/*
 * file_request.h
 *	  The table workflow.file_request: what was changed in files.
 */
#ifndef WF_FILE_REQUEST_H
#define WF_FILE_REQUEST_H

#include "store/file_row.h"

extern void wf_file_request_insert(const WfFileRow *row);
extern bool wf_file_request_expire(void);

#endif							/* WF_FILE_REQUEST_H */
