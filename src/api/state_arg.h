/*
 * state_arg.h
 *	  States that a caller names, and whether a process is in them.
 */
#ifndef WF_STATE_ARG_H
#define WF_STATE_ARG_H

#include "utils/array.h"

#include "definition/definition.h"
#include "store/process_row.h"

extern bool wf_state_arg_holds(const WfRow *row, const WfDefinition *definition, const char *name);
extern void wf_state_arg_check(const WfDefinition *definition, ArrayType *states);

#endif							/* WF_STATE_ARG_H */
