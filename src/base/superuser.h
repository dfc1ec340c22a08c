/*
 * superuser.h
 *	  Who may become a superuser?
 */
#ifndef WF_SUPERUSER_H
#define WF_SUPERUSER_H

extern bool wf_superuser_may_become(Oid role);

#endif							/* WF_SUPERUSER_H */
