/*
 * foreign_settings.h
 *	  Settings of a client's session that code of another role does not see.
 */
#ifndef WF_FOREIGN_SETTINGS_H
#define WF_FOREIGN_SETTINGS_H

extern void wf_foreign_settings_hide(void);

#endif							/* WF_FOREIGN_SETTINGS_H */
