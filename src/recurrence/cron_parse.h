/*
 * cron_parse.h
 *	  Reading a cron expression.
 */
#ifndef WF_CRON_PARSE_H
#define WF_CRON_PARSE_H

#include "recurrence/cron.h"

extern void wf_cron_parse(const char *text, WfCron *cron);

#endif							/* WF_CRON_PARSE_H */
