/*
 * child.h
 *	  Children: the processes that a state invokes while it is active.
 */
#ifndef WF_CHILD_H
#define WF_CHILD_H

#include "process/process.h"

#define WF_DONE_INVOKE	"done.invoke."
#define WF_ERROR_INVOKE	"error.invoke."

/*
 * The interpreter's three moments: a state with invokes is entered (its
 * children get ids), is still active at the end of the macrostep (they
 * start), is left (they are cancelled, unless detached).  A definition that
 * does not exist, or may not be started by the parent's owner, gives the
 * internal event error.invoke.ID where a state handles that, else an error.
 */
extern void wf_children_invoke(WfProcess *process, const WfState *state,
							   const WfEvent *event);
extern void wf_children_start(WfProcess *process, const WfState *state);
extern void wf_children_let_go(WfProcess *process, const WfState *state);

/*
 * What a child is given, NULL for nothing.  False: its expression failed, and
 * the process was told so; there will be no child.
 */
extern bool wf_child_input(WfProcess *process, const WfInvoke *invoke,
						   const WfEvent *event, Jsonb **result);
/*
 * The process goes without leaving its states: its children are told to end.
 * sound: as wf_process_is_sound() said; if not, all of them.
 */
extern void wf_children_cancel(WfProcess *process, bool sound);

/*
 * The first and the last of these moments for one of several invokes; the
 * child must exist, and is gone from memory then.
 */
extern void wf_child_invoke(WfProcess *process, const WfInvoke *invoke,
							const WfEvent *event);
extern void wf_child_let_go(WfProcess *process, WfChild *child, bool detached);

/*
 * child_list.c: a new one, which has its id and no more; out of memory again.
 */
extern WfChild *wf_child_add(WfProcess *process, const char *invoke, const pg_uuid_t *id);
extern void wf_child_forget(WfProcess *process, WfChild *child);

/* The present child of an invoke id, or NULL. */
extern WfChild *wf_child_find(WfProcess *process, const char *invoke);

/*
 * Is an event that is marked as a child's still from one?  Its done.invoke is
 * the last thing we hear of it.
 */
extern bool wf_child_counts(WfProcess *process, const WfTimerRow *timer);

/* Before the row is written: its column `children`. */
extern void wf_children_write(WfProcess *process);

/*
 * Send "<prefix><invoke id>" to the process that invoked this one, if there is
 * one which has not let it go.
 */
extern void wf_child_tell(WfProcess *process, const char *prefix, Jsonb *data);

/* What error.invoke.ID carries. */
extern Jsonb *wf_child_error(const char *sqlstate, const char *message);

#endif							/* WF_CHILD_H */
