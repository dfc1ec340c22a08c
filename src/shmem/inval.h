/*
 * inval.h
 *	  Tables of ours that a session keeps in memory until they change.
 */
#ifndef WF_WATCH_H
#define WF_WATCH_H

/*
 * What is kept of a table.  Whoever changes the table tells all sessions at
 * commit, through the server's own invalidation messages; looking whether
 * anything was told costs next to nothing.
 */
typedef struct WfWatch
{
	const char *table;			/* its name in our schema */
	Oid			relation;		/* InvalidOid: nothing is kept */
	struct WfWatch *next;		/* among all of this session */
} WfWatch;

/*
 * Is what is kept still good?  Else the caller reads the table, between
 * wf_watch_begin() and the next look.  Needs a transaction.
 */
extern bool wf_watch_is_good(WfWatch *watch);

/*
 * What is read from now on is good until a change is told.  Without the
 * extension, nothing is ever good.
 */
extern void wf_watch_begin(WfWatch *watch);

/* Must be called before the statement that changes the table. */
extern void wf_watch_changing(WfWatch *watch);

#endif							/* WF_WATCH_H */
