/*
 * attribute.h
 *	  What a definition declares to be searchable, kept beside its processes.
 */
#ifndef WF_ATTRIBUTE_H
#define WF_ATTRIBUTE_H

#include "process/process.h"
#include "store/change_sets.h"

extern void wf_attribute_write(WfProcess *process, WfChanges *out);

#endif							/* WF_ATTRIBUTE_H */
