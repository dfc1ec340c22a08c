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
#ifndef WF_FOREIGN_H
#define WF_FOREIGN_H

/* _PG_init's part: chains the object access hook. */
extern void wf_foreign_init(void);

/*
 * Refuses SET CONSTRAINTS of such code that is for all constraints, or makes
 * some deferred: it would fire triggers that the caller has left for the end,
 * or leave those of the caller's later statements for it.
 */
extern void wf_foreign_constraints(bool all, bool deferred);

/*
 * Around code of another role.  enter refuses when the session has open
 * cursors, leave when the code left one open.  They nest: enter returns the
 * depth, for the leave that belongs to it.  Errors need no undo.
 */
extern int	wf_foreign_enter(void);
extern void wf_foreign_leave(int depth);

#endif							/* WF_FOREIGN_H */
