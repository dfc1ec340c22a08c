/*
 * member_change.h
 *	  What a transaction does to the cluster, told when it commits.
 */
#ifndef WF_MEMBER_CHANGE_H
#define WF_MEMBER_CHANGE_H

extern void wf_member_change_init(void);
extern void wf_member_change_living(const char *id);
extern bool wf_member_change_dead(const char *id, int64 epoch, bool silent);
extern void wf_member_change_gone(const char *id);
extern void wf_member_change_row(void);
extern void wf_member_change_local(void);
extern bool wf_member_change_pending(void);

#endif							/* WF_MEMBER_CHANGE_H */
