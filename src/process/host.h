/*
 * host.h
 *	  The interpreter's host: its callbacks, done for a process in memory.
 */
#ifndef WF_HOST_H
#define WF_HOST_H

#include "interpreter/machine.h"

extern const WfHost wf_process_host;

#endif							/* WF_HOST_H */
