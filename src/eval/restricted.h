/*
 * restricted.h
 *	  A definition's code in a session that is not its owner's.
 *
 * PostgreSQL's restricted operations keep such code from most things that
 * could run later with the caller's privileges.  What they allow and is
 * refused here: objects in the caller's temporary schema (a domain
 * pg_temp.text would be found before that of pg_catalog); the caller's
 * cursors, which PL/pgSQL can read, close and replace; changes of when
 * constraints are checked, which last until the transaction ends; and the
 * functions of restricted_function.c.
 */
#ifndef WF_RESTRICTED_H
#define WF_RESTRICTED_H

#define WF_HINT_POST \
	"Send the event with workflow.post(), then an executor runs the actions as their owner."

extern void wf_restricted_init(void);
extern bool wf_restricted_is_inside(void);
extern void wf_restricted_constraints(bool all, bool deferred);
extern int	wf_restricted_enter(void);
extern void wf_restricted_leave(int depth);

#endif							/* WF_RESTRICTED_H */
