/*
 * login.h
 *	  May a role's work be done in this database?
 */
#ifndef WF_LOGIN_H
#define WF_LOGIN_H

#include "shmem/owner.h"

extern WfWaitReason wf_login_check(Oid role, WfLaneKind kind);
extern void wf_login_watch(Oid role);
extern bool wf_login_is_good(WfLaneKind kind);

#endif							/* WF_LOGIN_H */
