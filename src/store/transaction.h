/*
 * transaction.h
 *	  Transactions of background workers, and of procedures that work as they do.
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
extern void wf_transaction_procedure_begin(void);
extern void wf_transaction_procedure_end(void);

#endif							/* WF_TRANSACTION_H */
