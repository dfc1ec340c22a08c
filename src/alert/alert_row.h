/*
 * alert_row.h
 *	  The table workflow.alert.
 */
#ifndef WF_ALERT_ROW_H
#define WF_ALERT_ROW_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What an alert tells of; the names are in alert_row.c. */
typedef enum WfAlertKind
{
	WF_ALERT_LAG,				/* what is due has not begun */
	WF_ALERT_FAILURES,			/* events were given up, runs have failed */
	WF_ALERT_WAITING,			/* a task is open, a run waits */
	WF_ALERT_SILENT,			/* a runtime says nothing */
	WF_ALERT_BUSY,				/* executors and workers are at work */
	WF_ALERT_P95,				/* 95 % have taken longer */
	WF_ALERT_P99,
	WF_ALERT_FAILURE_RATE		/* a part of what has ended has failed */
} WfAlertKind;

typedef enum WfAlertState
{
	WF_ALERT_QUIET,
	WF_ALERT_PENDING,			/* over the threshold, not for long enough yet */
	WF_ALERT_FIRING
} WfAlertState;

/* An alert. */
typedef struct WfAlert
{
	int32		id;
	const char *name;
	int32		owner;
	Oid			role;			/* of that owner */
	WfAlertKind kind;
	Jsonb	   *filter;
	double		threshold;		/* seconds, how many, or what part */
	Interval   *within;
	Interval   *lasting;
	Interval   *keep;
	const char *job;			/* or NULL */
	bool		paused;
	const char *note;			/* or NULL */

	/* How it stands. */
	WfAlertState state;
	TimestampTz since;
	TimestampTz below;			/* firing, below the threshold since then; or infinity */
	bool		measured;
	double		value;			/* if it is */
	TimestampTz looked_at;		/* -infinity: never */
	const char *reason;			/* why it was not, or why no run was made; or NULL */
	bool		has_run;
	pg_uuid_t	last_run;		/* if it has one */
} WfAlert;

extern const char *wf_alert_row_kind_name(WfAlertKind kind);
extern bool wf_alert_row_kind(const char *name, WfAlertKind *kind);
extern bool wf_alert_row_insert(WfAlert *alert);
extern bool wf_alert_row_find(const char *name, bool lock, WfAlert *alert);
extern List *wf_alert_row_claim(int32 owner);
extern void wf_alert_row_change(const WfAlert *alert);
extern void wf_alert_row_update(const WfAlert *alert);
extern void wf_alert_row_delete(int32 id);

#endif							/* WF_ALERT_ROW_H */
