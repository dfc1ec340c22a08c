/*
 * tenant.h
 *	  For whom the session works: which processes, runs and tasks there are for it.
 */
#ifndef WF_TENANT_H
#define WF_TENANT_H

/* What confine() grants: to work for a tenant, and then for no other one. */
#define WF_TENANT_PRIVILEGE	"tenant"
#define WF_TENANT_PREFIX	"tenant:"

/* For a role that has to say for whom it works, whoever that is. */
#define WF_TENANT_ANY	"*"

extern const char *wf_tenant_current(void);
extern bool wf_tenant_may(const char *tenant);
extern Datum wf_tenant_datum(void);
extern Datum wf_tenant_keys(void);
extern bool wf_tenant_sees(Datum tenant);
extern bool wf_tenant_same(Datum a, Datum b);
extern const char *wf_tenant_name(Datum tenant);
extern bool wf_tenant_reaches(Datum from, Datum tenant);
extern bool wf_tenant_is_known(void);
extern int	wf_tenant_work_for(const char *tenant);
extern void wf_tenant_work_on(int level);
extern void wf_tenant_changing(void);

#endif							/* WF_TENANT_H */
