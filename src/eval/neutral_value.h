/*
 * neutral_value.h
 *	  What a setting is in a session for which nobody has set anything.
 */
#ifndef WF_NEUTRAL_VALUE_H
#define WF_NEUTRAL_VALUE_H

#include "utils/guc_tables.h"

extern void wf_neutral_value_init(void);
extern void wf_neutral_value_note(void);
extern const char *wf_neutral_value(struct config_generic *setting);
extern const char *wf_neutral_value_boot(struct config_generic *setting);

#endif							/* WF_NEUTRAL_VALUE_H */
