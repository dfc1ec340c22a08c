/*
 * table_fire.h
 *	  What becomes of the rows that a statement has written.
 */
#ifndef WF_TABLE_FIRE_H
#define WF_TABLE_FIRE_H

#include "commands/trigger.h"

extern void wf_table_fire(const char *name, const TriggerData *data);

#endif							/* WF_TABLE_FIRE_H */
