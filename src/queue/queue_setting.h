/*
 * queue_setting.h
 *	  What can be set of queues and of named limits.
 */
#ifndef WF_QUEUE_SETTING_H
#define WF_QUEUE_SETTING_H

#include "utils/jsonb.h"

/*
 * The settings of a queue: the columns of workflow.queue, and the arguments of
 * create_queue() behind the name.  S(name, type, may it be null?)
 */
#define WF_QUEUE_SETTING_LIST(S) \
	S(max_parallel, INT4OID, true) \
	S(per, TEXTOID, false) \
	S(min_gap, INTERVALOID, true) \
	S(rate, INT4OID, true) \
	S(rate_interval, INTERVALOID, true) \
	S(partition_limit, INT4OID, true) \
	S(ordered, BOOLOID, false) \
	S(on_failed, TEXTOID, false) \
	S(fair, BOOLOID, false) \
	S(weights, JSONBOID, true) \
	S(max_waiting, INT4OID, true) \
	S(on_full, TEXTOID, false) \
	S(placement, TEXTARRAYOID, false) \
	S(ageing, INTERVALOID, true) \
	S(notify, BOOLOID, false)

/* Those of a limit: the columns of workflow.rate_limit, in the same way. */
#define WF_QUEUE_SETTING_LIMIT_LIST(S) \
	S(max, INT4OID, true) \
	S(rate, INT4OID, true) \
	S(rate_interval, INTERVALOID, true)

#define WF_QUEUE_SETTING_POSITION(name, type, nullable) WF_QUEUE_##name,
enum
{
	WF_QUEUE_SETTING_LIST(WF_QUEUE_SETTING_POSITION)
	WF_QUEUE_NSETTINGS
};

#define WF_QUEUE_SETTING_LIMIT_POSITION(name, type, nullable) WF_LIMIT_##name,
enum
{
	WF_QUEUE_SETTING_LIMIT_LIST(WF_QUEUE_SETTING_LIMIT_POSITION)
	WF_LIMIT_NSETTINGS
};

/* Values of settings, by position; with room for those of either. */
typedef struct WfQueueValues
{
	Datum		values[WF_QUEUE_NSETTINGS];
	bool		nulls[WF_QUEUE_NSETTINGS];
} WfQueueValues;

/* Whose settings they are. */
typedef enum WfQueueSettingsOf
{
	WF_SETTINGS_OF_QUEUE,
	WF_SETTINGS_OF_LIMIT
} WfQueueSettingsOf;

extern void wf_queue_setting_check(WfQueueSettingsOf of, const WfQueueValues *values);
extern void wf_queue_setting_change(WfQueueSettingsOf of, WfQueueValues *values,
									const Jsonb *changes);

#endif							/* WF_QUEUE_SETTING_H */
