/*
 * task_row.h
 *	  The tables workflow.task, task_seat and task_act: what people may or have to do.
 */
#ifndef WF_TASK_ROW_H
#define WF_TASK_ROW_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* A task as it is written, or an open one as it was read. */
typedef struct WfTaskRow
{
	pg_uuid_t	id;
	pg_uuid_t	process;
	const char *definition;		/* its name */
	const char *state;
	const char *title;			/* or NULL */
	int16		priority;
	TimestampTz due;			/* DT_NOEND: none */
	int32		need;			/* so many votes; 0: one of each name */
	List	   *names;			/* of char *: whom it is for */
	List	   *events;			/* of char *: that they may vote for */
	const char *claimed_by;		/* or NULL */
	Jsonb	   *data;			/* or NULL */
	Datum		tenant;			/* of a new one: whose it is, a text or 0 */
} WfTaskRow;

/* What somebody does with a task. */
#define WF_TASK_VOTE		"vote"
#define WF_TASK_CLAIM		"claim"
#define WF_TASK_RELEASE		"release"
#define WF_TASK_ASSIGN		"assign"
#define WF_TASK_DELEGATE	"delegate"
#define WF_TASK_COMMENT		"comment"

typedef struct WfTaskAct
{
	const char *act;
	const char *actor;
	const char *name;			/* by which the actor may do it, or NULL */
	const char *other;			/* to whom it is given, or NULL */
	const char *event;			/* of a vote */
	const char *note;			/* or NULL */
	Jsonb	   *data;			/* of a vote, or NULL */
	TimestampTz at;
} WfTaskAct;

extern Datum wf_task_row_texts(const List *strings);
extern bool wf_task_row_has(const List *strings, const char *string);
extern List *wf_task_row_names(const char *actor, bool has_groups, const List *groups);
extern bool wf_task_row_process(const pg_uuid_t *id, pg_uuid_t *process);
extern bool wf_task_row_lock(const pg_uuid_t *id, WfTaskRow *task);
extern void wf_task_row_close(const WfTaskRow *task, const char *event, const char *actor);
extern void wf_task_row_reseat(const WfTaskRow *task);
extern void wf_task_row_note(const WfTaskRow *task, const WfTaskAct *act);
extern int	wf_task_row_votes(const pg_uuid_t *id, WfTaskAct **votes);

#endif							/* WF_TASK_ROW_H */
