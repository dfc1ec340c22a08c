/*
 * restricted.h
 *	  A definition's code in a session that is not its owner's.
 *
 * PostgreSQL's restricted operations keep such code from most things that
 * could run later with the caller's privileges.  Three things that they allow
 * are refused here: objects in the caller's temporary schema (a domain
 * pg_temp.text would be found before that of pg_catalog); the caller's
 * cursors, which PL/pgSQL can read, close and replace; and changes of when
 * constraints are checked, which last until the transaction ends.
 */
#ifndef WF_RESTRICTED_H
#define WF_RESTRICTED_H

extern void wf_restricted_init(void);
extern void wf_restricted_constraints(bool all, bool deferred);
extern int	wf_restricted_enter(void);
extern void wf_restricted_leave(int depth);

#endif							/* WF_RESTRICTED_H */
