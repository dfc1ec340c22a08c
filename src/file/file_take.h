/*
 * file_take.h
 *	  The server that holds the database takes files over itself.
 */
#ifndef WF_FILE_TAKE_H
#define WF_FILE_TAKE_H

#include "datatype/timestamp.h"

extern void wf_file_take_end(void);
extern void wf_file_take(Oid extension, TimestampTz *again);

#endif							/* WF_FILE_TAKE_H */
