/*
 * inval.h
 *	  Tables of ours that a session keeps in memory until they change.
 */
#ifndef WF_INVAL_H
#define WF_INVAL_H

/*
 * What is kept of a table.  Whoever changes the table tells all sessions at
 * commit, through the server's own invalidation messages; looking whether
 * anything was told costs next to nothing.
 */
typedef struct WfInval
{
	const char *table;			/* its name in our schema */
	Oid			relation;		/* InvalidOid: nothing is kept */
	struct WfInval *next;		/* among all of this session */
} WfInval;

extern bool wf_inval_is_good(WfInval *watch);
extern void wf_inval_begin(WfInval *watch);
extern void wf_inval_changing(WfInval *watch);

#endif							/* WF_INVAL_H */
