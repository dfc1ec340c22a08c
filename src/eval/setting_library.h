/*
 * setting_library.h
 *	  Libraries whose settings are not defined yet in this session.
 */
#ifndef WF_SETTING_LIBRARY_H
#define WF_SETTING_LIBRARY_H

extern bool wf_setting_library_load(const char *setting);

#endif							/* WF_SETTING_LIBRARY_H */
