/*
 * job_text.h
 *	  The text of a statement with parameters by name.
 */
#ifndef WF_JOB_TEXT_H
#define WF_JOB_TEXT_H

#include "nodes/pg_list.h"

extern char *wf_job_text_bind(const char *text, List **names);

#endif							/* WF_JOB_TEXT_H */
