/*
 * bulk_make.h
 *	  New bulk operations.
 */
#ifndef WF_BULK_MAKE_H
#define WF_BULK_MAKE_H

#include "bulk/bulk_row.h"

extern void wf_bulk_make(const char *act, WfBulk *bulk);

#endif							/* WF_BULK_MAKE_H */
