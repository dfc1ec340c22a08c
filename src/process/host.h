/*
 * host.h
 *	  The interpreter's host: its callbacks, done for a process in memory.
 */
#ifndef WF_HOST_H
#define WF_HOST_H

#include "interpreter/machine.h"
#include "process/process.h"

extern const WfHost wf_process_host;
extern bool wf_host_failed(const WfProcess *process);

#endif							/* WF_HOST_H */
