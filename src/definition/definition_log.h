/*
 * definition_log.h
 *	  What was done with a definition as a whole, by whom and when.
 */
#ifndef WF_DEFINITION_LOG_H
#define WF_DEFINITION_LOG_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* What can be done with one; its name in workflow.definition_history. */
#define WF_LOG_DEFINE		"workflow.define"
#define WF_LOG_PAUSE		"workflow.pause"
#define WF_LOG_UNPAUSE		"workflow.unpause"
#define WF_LOG_GRANT		"workflow.grant_on"
#define WF_LOG_REVOKE		"workflow.revoke_on"
#define WF_LOG_CHANGE_OWNER	"workflow.change_owner"
#define WF_LOG_DROP			"workflow.drop_definition"

/* One thing that was done. */
typedef struct WfDefinitionLog
{
	const char *definition;		/* its name */
	const char *event;			/* one of those above */
	int32		version;		/* 0: it was done with all of them */
	Jsonb	   *data;			/* or NULL */
	const char *note;			/* of whoever did it, or NULL */
} WfDefinitionLog;

extern void wf_definition_log(const WfDefinitionLog *log);
extern int32 wf_definition_log_last_version(const char *definition);
extern void wf_definition_log_gone(const char *definition);
extern void wf_definition_log_expire(TimestampTz before);

#endif							/* WF_DEFINITION_LOG_H */
