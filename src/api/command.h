/*
 * command.h
 *	  A command to a process, whose row is locked, and the verdict on it.
 */
#ifndef WF_COMMAND_H
#define WF_COMMAND_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "process/process.h"
#include "process/stepper.h"
#include "store/process_row.h"
#include "store/receipt.h"

/* The columns of a verdict. */
#define WF_COMMAND_NVERDICT	5

/* The arguments of a command. */
typedef struct WfCommand
{
	const pg_uuid_t *process;
	const char *event;
	Jsonb	   *data;
	const char *id;
	const char *actor;
	bool		claimed;		/* the actor was given */
	bool		has_step;
	int32		step;			/* has_step: only if the process is at this one */
	List	   *states;			/* only if these are active: of strings */
	const char *trace;			/* the trace context in which it comes, or NULL */
	bool		reported;		/* a refusal is a row of the result */
} WfCommand;

extern void wf_command_deliver(WfStepper *stepper, WfRow *row, const WfCommand *cmd,
							   WfReceipt *verdict, volatile bool *asking);
extern void wf_command_verdict(const WfReceipt *verdict, Datum *values);

#endif							/* WF_COMMAND_H */
