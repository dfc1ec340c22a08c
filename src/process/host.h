/*
 * host.h
 *	  What the interpreter asks for, done for a process in memory.
 */
#ifndef WF_HOST_H
#define WF_HOST_H

#include "interpreter/machine.h"

/* host.c: what the interpreter asks for. */
extern const WfHost wf_process_host;

#endif							/* WF_HOST_H */
