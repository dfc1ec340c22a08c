/*-------------------------------------------------------------------------
 *
 * watch_report.c
 *	  Files that others have seen.
 *
 * Runs in sessions of application servers, which look where this server does not: into
 * directories of their own, or at URLs.  They tell how a file looks each time that they look;
 * what that means is decided here, as for the server's own directories.  Since they need not
 * be the same each time, what has not settled is kept in the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/interval.h"
#include "base/quote.h"
#include "watch/watch_define.h"
#include "watch/watch_fire.h"
#include "watch/watch_name.h"
#include "watch/watch_pattern.h"
#include "watch/watch_place.h"
#include "watch/watch_report.h"
#include "watch/watch_seen.h"

/* --- may it be reported? ------------------------------------------------------------- */

/* Runtimes look for all triggers. */
static bool
is_runtime(void)
{
	Oid			runtimes = get_role_oid("workflow_runtime", true);

	return OidIsValid(runtimes) && has_privs_of_role(GetUserId(), runtimes);
}

pg_noreturn static void
refuse_path(const WfWatch *watch, const char *path, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is no file of file trigger \"%s\"", wf_quote(path), wf_quote(watch->name)),
			 errdetail_internal("%s", detail)));
}

/* The name of a file in the directory of a trigger.  Error 22023 if it is none. */
static const char *
name_of(const WfWatch *watch, const char *path)
{
	size_t		length = strlen(watch->directory);
	const char *name = path + length + 1;

	if (strncmp(path, watch->directory, length) != 0 || path[length] != '/' || *name == '\0')
		refuse_path(watch, path, psprintf("Its directory is \"%s\".", watch->directory));
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		refuse_path(watch, path, "It is not in the directory itself.");
	if (strlen(name) > WF_WATCH_PLACE_NAME_MAX)
		refuse_path(watch, path, "Its name has more than 1024 bytes.");
	return name;
}

static bool
fits(const WfWatch *watch, const char *name)
{
	return wf_watch_pattern_matches(wf_watch_name_to_utf8(watch->pattern), wf_watch_name_to_utf8(name));
}

/* Is what has to be told of a file told? */
static void
check_sight(const WfWatch *watch, const WfWatchSight *sight)
{
	const char *missing = watch->check == WF_WATCH_CONTENT && !sight->read ? "sha256" :
		watch->check == WF_WATCH_MODIFIED && sight->modified == DT_NOBEGIN ? "modified" : NULL;

	if (missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", missing),
				 errdetail("File trigger \"%s\" checks for \"%s\".", wf_quote(watch->name),
						   wf_watch_row_check_name(watch->check))));
}

/* --- what it means -------------------------------------------------------------------- */

/* Has it the content of which a run was made? */
static bool
has_same_content(const WfWatchSeen *seen, const WfWatchSight *sight)
{
	return seen->file.seen && seen->file.sight.read && sight->read &&
		memcmp(seen->file.sight.sha256, sight->sha256, sizeof(sight->sha256)) == 0;
}

/* What is to be done about a file that looks so; *seen: remembers for how long it has. */
static WfWatchVerdict
judge(const WfWatch *watch, WfWatchSeen *seen, const WfWatchSight *sight)
{
	if (watch->check != WF_WATCH_CONTENT || !has_same_content(seen, sight))
		return wf_watch_judge(watch->check, wf_interval_us(watch->settle), wf_clock_now(), &seen->file, sight);
	seen->file.since = DT_NOEND;
	return WF_WATCH_SAME;
}

/* What is known of a file; false: nothing, it is a new one. */
static bool
find_seen(const WfWatch *watch, const char *name, WfWatchSeen *seen)
{
	if (wf_watch_seen_find(watch->id, name, seen))
		return true;
	memset(seen, 0, sizeof(*seen));
	seen->name = name;
	seen->file.since = DT_NOEND;
	return false;
}

/* Is there anything to be written?  Who tells what is known locks nothing. */
static bool
is_news(const WfWatch *watch, const char *name, const WfWatchSight *sight, bool gone)
{
	WfWatchSeen seen;
	bool		known = find_seen(watch, name, &seen);
	TimestampTz since = seen.file.since;
	WfWatchVerdict verdict;

	if (gone)
		return known;
	verdict = judge(watch, &seen, sight);
	return verdict == WF_WATCH_FIRE || verdict == WF_WATCH_NOTE || seen.file.since != since;
}

/* With the trigger locked: a file looks so.  True: it makes a run. */
static bool
look(WfWatch *watch, const char *name, const WfWatchSight *sight, WfWatchSeen *seen)
{
	WfWatchVerdict verdict;

	(void) find_seen(watch, name, seen);
	verdict = judge(watch, seen, sight);
	if (verdict != WF_WATCH_FIRE && verdict != WF_WATCH_NOTE)
	{
		wf_watch_seen_wait(watch->id, seen);
		return false;
	}
	seen->file.sight = *sight;
	if (verdict == WF_WATCH_FIRE)
	{
		wf_watch_fire(watch, 1, seen);
		watch->reason = NULL;
		return true;
	}
	wf_watch_seen_enter(watch->id, 1, seen);
	return false;
}

/* Does it make runs at this time? */
static bool
is_active(const WfWatch *watch)
{
	TimestampTz now = wf_clock_now();

	return watch->enabled && watch->suspended_at == DT_NOEND && watch->starts <= now && now < watch->ends;
}

/* May it be reported, and is it asked for?  *name becomes its name.  Errors as of report_file(). */
static bool
admits(const WfWatch *watch, const char *path, const WfWatchSight *sight, bool gone, const char **name)
{
	if (!is_runtime())
		wf_watch_define_require_owner(watch);
	*name = name_of(watch, path);
	if (!gone)
		check_sight(watch, sight);
	return is_active(watch) && fits(watch, *name);
}

/*
 * A file looks so, or has gone; *run becomes the run that it makes now, or that waits.
 * False: it makes none.  SPI must be connected.  Errors as of report_file(), and those of
 * run_job().
 */
bool
wf_watch_report(const char *trigger, const char *path, const WfWatchSight *sight, bool gone, pg_uuid_t *run)
{
	WfWatch		watch;
	WfWatchSeen seen;
	const char *name;
	bool		made = false;

	wf_watch_define_find(trigger, &watch);
	if (!admits(&watch, path, sight, gone, &name) || !is_news(&watch, name, sight, gone))
		return false;
	/* it may be another one by now */
	wf_watch_define_lock(trigger, &watch);
	if (!admits(&watch, path, sight, gone, &name))
		return false;
	if (gone)
		wf_watch_seen_forget(watch.id, 1, &name);
	else
		made = look(&watch, name, sight, &seen);
	watch.revision++;
	wf_watch_row_update(&watch);
	if (made)
		*run = seen.run;
	return made;
}
