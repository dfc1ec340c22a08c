/*
 * setting_list.h
 *	  The settings of this process that are not at their defaults.
 */
#ifndef WF_SETTING_LIST_H
#define WF_SETTING_LIST_H

#include "utils/guc.h"
#include "utils/guc_tables.h"

extern void wf_setting_list_init(void);
extern struct config_generic **wf_setting_list(int *n);
extern struct config_generic *wf_setting_list_find(const char *name);

#endif							/* WF_SETTING_LIST_H */
