/*
 * file_link.h
 *	  The link starts who takes files over.
 */
#ifndef WF_FILE_LINK_H
#define WF_FILE_LINK_H

extern void wf_file_link_look(void);
extern void wf_file_link_beat(int waiting, bool standby);

#endif							/* WF_FILE_LINK_H */
