/*
 * restricted.h
 *	  A definition's code in a session that is not its owner's.
 *
 * PostgreSQL's restricted operations keep such code from most of what could
 * run later with the caller's rights.  What they let pass is closed
 * here: objects in the caller's temporary schema (a domain pg_temp.text would
 * be found before pg_catalog's), and the caller's cursors, which PL/pgSQL can
 * read, close and replace; and a third that lasts until the transaction ends:
 * when constraints are checked.
 */
#ifndef WF_RESTRICTED_H
#define WF_RESTRICTED_H

extern void wf_restricted_init(void);
extern void wf_restricted_constraints(bool all, bool deferred);
extern int	wf_restricted_enter(void);
extern void wf_restricted_leave(int depth);

#endif							/* WF_RESTRICTED_H */
