/*
 * log_budget.h
 *	  How many lines about one kind of trouble go to the server's log.
 */
#ifndef WF_LOG_BUDGET_H
#define WF_LOG_BUDGET_H

#include "datatype/timestamp.h"

/* What the lines are about.  Names that are longer are cut, between two characters. */
#define WF_LOG_SUBJECT_LENGTH	128

typedef struct WfLogSubject
{
	int			level;			/* of the lines, WARNING or LOG */
	int			sqlstate;
	char		definition[WF_LOG_SUBJECT_LENGTH];
} WfLogSubject;

extern Size wf_log_budget_shmem_size(void);
extern void wf_log_budget_shmem_attach(void *segment, bool created);
extern void wf_log_budget_name(WfLogSubject *subject, const char *kind, const char *name);
extern bool wf_log_budget_take(const WfLogSubject *subject);
extern int64 wf_log_budget_overdue(WfLogSubject *subject, bool all);
extern TimestampTz wf_log_budget_next(void);

#endif							/* WF_LOG_BUDGET_H */
