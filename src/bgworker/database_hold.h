/*
 * database_hold.h
 *	  Commands of PostgreSQL that concern us.
 */
#ifndef WF_DATABASE_HOLD_H
#define WF_DATABASE_HOLD_H

extern void wf_database_hold_init(void);

#endif							/* WF_DATABASE_HOLD_H */
