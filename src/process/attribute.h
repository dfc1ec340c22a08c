/*
 * attribute.h
 *	  The searchable attributes of a process, in a table of their own.
 */
#ifndef WF_ATTRIBUTE_H
#define WF_ATTRIBUTE_H

#include "process/process.h"
#include "store/change_sets.h"

extern void wf_attribute_write(WfProcess *process, WfChanges  *changes);

#endif							/* WF_ATTRIBUTE_H */
