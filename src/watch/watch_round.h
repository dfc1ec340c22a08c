/*
 * watch_round.h
 *	  What a watcher does: it looks for all file triggers of a database.
 */
#ifndef WF_WATCH_ROUND_H
#define WF_WATCH_ROUND_H

#include "datatype/timestamp.h"

extern bool wf_watch_round(Oid extension, TimestampTz *next);
extern bool wf_watch_round_any(Oid extension);

#endif							/* WF_WATCH_ROUND_H */
