/*
 * member_right.h
 *	  Whose a runtime is.
 */
#ifndef WF_MEMBER_RIGHT_H
#define WF_MEMBER_RIGHT_H

extern bool wf_member_right_is_admin(void);
extern void wf_member_right_require(const char *id, Oid login, const char *address);

#endif							/* WF_MEMBER_RIGHT_H */
