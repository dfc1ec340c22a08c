/*
 * transaction.h
 *	  Transactions of background workers.
 */
#ifndef WF_TRANSACTION_H
#define WF_TRANSACTION_H

extern bool wf_transaction_begin(const char *activity, Oid extension);
extern bool wf_transaction_begin_bare(const char *activity, Oid extension);
extern void wf_transaction_enter(void);
extern void wf_transaction_leave(void);
extern void wf_transaction_commit(void);
extern void wf_transaction_abort(MemoryContext context);
extern Oid	wf_transaction_extension_oid(void);

#endif							/* WF_TRANSACTION_H */
