/*
 * cursor.h
 *	  The cursors of this session.
 */
#ifndef WF_CURSOR_H
#define WF_CURSOR_H

extern bool wf_cursor_is_open(void);

#endif							/* WF_CURSOR_H */
