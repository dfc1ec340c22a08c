/*
 * zone.h
 *	  Time zones by name.
 */
#ifndef WF_ZONE_H
#define WF_ZONE_H

#define WF_ZONE_HINT	"Write a name of pg_timezone_names: \"Europe/Berlin\"."

extern bool wf_zone_is_named(const char *name);
extern void wf_zone_check(const char *name);

#endif							/* WF_ZONE_H */
