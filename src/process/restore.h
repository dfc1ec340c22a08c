/*
 * restore.h
 *	  From the row of a process to a machine, and back.
 */
#ifndef WF_RESTORE_H
#define WF_RESTORE_H

#include "utils/jsonb.h"

#include "interpreter/machine.h"
#include "process/process.h"

extern void wf_restore(WfProcess *process);
extern bool wf_restore_is_sound(WfProcess *process);
extern Jsonb *wf_restore_history_jsonb(const WfMachine *machine);

#endif							/* WF_RESTORE_H */
