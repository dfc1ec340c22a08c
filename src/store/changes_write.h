/*
 * changes_write.h
 *	  Writes what changes.c collected, one table after the other.
 */
#ifndef WF_CHANGES_WRITE_H
#define WF_CHANGES_WRITE_H

#include "datatype/timestamp.h"

#include "store/change_sets.h"

extern TimestampTz wf_changes_write(WfChanges *out);
extern void wf_changes_write_forget_spans(void);

#endif							/* WF_CHANGES_WRITE_H */
