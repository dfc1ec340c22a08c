/*-------------------------------------------------------------------------
 *
 * zone.c
 *	  Time zones by name.
 *
 * Where PostgreSQL knows no zone of a name, it reads it as a zone of POSIX:
 * "UTC+3" is three hours behind of UTC, "+02:00" two hours, and "Berlin2" is
 * one, too.  Hardly anybody means that who writes it down.  "EST5EDT" is meant: there is
 * a file of that name, but not on each system.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "pgtime.h"

#include "base/quote.h"
#include "base/zone.h"

/* Has it a name for the summer, too, behind the number? */
static bool
has_summer(const char *name)
{
	const char *number = strpbrk(name, "0123456789");

	return number != NULL && isalpha((unsigned char) number[strspn(number, "0123456789:")]);
}

/*
 * Is there a zone of this name, which is not one of POSIX that has no summer?  Other names that there
 * are not are left to the caller.  Reads the directory of zones, but only where
 * there is a number in the name, which all zones of POSIX have.
 */
bool
wf_zone_is_named(const char *name)
{
	pg_tz	   *zone;
	pg_tz	   *known;
	pg_tzenum  *names;
	bool		found = false;

	if (strpbrk(name, "0123456789") == NULL || has_summer(name) || strlen(name) > TZ_STRLEN_MAX)
		return true;
	zone = pg_tzset(name);
	if (zone == NULL)
		return true;
	names = pg_tzenumerate_start();
	while (!found && (known = pg_tzenumerate_next(names)) != NULL)
		found = strcmp(pg_get_timezone_name(known), pg_get_timezone_name(zone)) == 0;
	pg_tzenumerate_end(names);
	return found;
}

/* Error 22023 if a name, or NULL, is that of a zone of POSIX. */
void
wf_zone_check(const char *name)
{
	if (name != NULL && !wf_zone_is_named(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is no name", wf_quote(name)),
				 errhint(WF_ZONE_HINT)));
}
