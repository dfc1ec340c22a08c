/*
 * database_hold.h
 *	  Commands of PostgreSQL that concern us.
 */
#ifndef WF_UTILITY_H
#define WF_UTILITY_H

/* _PG_init's part: chains the ProcessUtility hook. */
extern void wf_utility_init(void);

#endif							/* WF_UTILITY_H */
