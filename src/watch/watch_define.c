/*-------------------------------------------------------------------------
 *
 * watch_define.c
 *	  File triggers as they are made and changed: does all of it fit?
 *
 * Runs in the sessions of those who make them.  What is stored could make runs when it was.
 * That its directory is there need not be: it may be mounted later, or be on another
 * machine, where others look and report.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/interval.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "definition/owner_role.h"
#include "run/run_make.h"
#include "shmem/wakeup.h"
#include "store/origin.h"
#include "store/tenant.h"
#include "watch/watch_define.h"
#include "watch/watch_fire.h"
#include "watch/watch_name.h"
#include "watch/watch_place.h"
#include "watch/watch_right.h"
#include "watch/watch_seen.h"

/* What is longer has no end. */
#define LONGEST_DAYS	366

/* Of a pattern (bytes). */
#define LONGEST_PATTERN	255

pg_noreturn static void
refuse(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message)));
}

/* --- values ------------------------------------------------------------------------ */

/* The check of this name; NULL: the default.  Error 22023. */
WfWatchCheck
wf_watch_define_check(const char *name)
{
	WfWatchCheck check = WF_WATCH_NEW;

	if (name != NULL && !wf_watch_row_check(name, &check))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no check \"%s\"", wf_quote(name)),
				 errhint("Checks are \"new\", \"modified\" and \"content\".")));
	return check;
}

static Interval *
seconds(int n)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = n * USECS_PER_SEC;
	return interval;
}

/* Error 22023 unless an interval has so many seconds, and not too many. */
static void
check_interval(const Interval *interval, const char *what, int least)
{
	double		days = wf_interval_days(interval);

	if (days < 0 || days > LONGEST_DAYS || wf_interval_us(interval) < least * USECS_PER_SEC)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between %d seconds and %d days", what, least, LONGEST_DAYS)));
}

static void
check_name(const char *name)
{
	if (*name == '\0')
		refuse("a file trigger needs a name");
	if (strlen(name) > WF_MAX_JOB_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the name of a file trigger is too long"),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(name), WF_MAX_JOB_NAME)));
	if (strchr(name, ':') != NULL)
		refuse("the name of a file trigger must not contain \":\"");
}

/* One without "/" at its end. */
static const char *
check_directory(const char *directory)
{
	size_t		length = strlen(directory);
	const char *fault;

	while (length > 1 && directory[length - 1] == '/' && directory[length - 2] != '/')
		length--;
	directory = pnstrdup(directory, length);
	fault = wf_watch_place_fault(wf_watch_name_to_utf8(directory));
	if (fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid directory \"%s\"", wf_quote(directory)),
				 errdetail_internal("%s", fault)));
	return directory;
}

static void
check_pattern(const char *pattern)
{
	if (*pattern == '\0' || strlen(pattern) > LONGEST_PATTERN || strchr(pattern, '/') != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid pattern \"%s\"", wf_quote(pattern)),
				 errdetail("A pattern is of names in the directory, without \"/\", and has 1 to %d bytes; \"*\" stands for any characters, \"?\" for one.",
						   LONGEST_PATTERN)));
}

/* --- the whole ---------------------------------------------------------------------- */

/* Fill in what is not given, and check all of it. */
static void
check(WfWatch *watch)
{
	watch->directory = check_directory(watch->directory);
	if (watch->pattern == NULL)
		watch->pattern = "*";
	if (watch->interval == NULL)
		watch->interval = seconds(60);
	if (watch->settle == NULL)
		watch->settle = seconds(0);
	check_pattern(watch->pattern);
	check_interval(watch->interval, "interval", 1);
	check_interval(watch->settle, "settle", 0);
	if (watch->has_priority &&
		(watch->priority < WF_RUN_PRIORITY_LEAST || watch->priority > WF_RUN_PRIORITY_MOST))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("priority must be between %d and %d", WF_RUN_PRIORITY_LEAST, WF_RUN_PRIORITY_MOST)));
	if (watch->starts >= watch->ends)
		refuse("a file trigger must start before it ends");
	wf_watch_fire_check(watch);
}

/* May the server look there for the owner?  If it will not, that is said. */
static void
check_place(const WfWatch *watch)
{
	if (!wf_watch_place_is_path(watch->directory))
		return;
	if (wf_watch_place_listed(wf_watch_name_to_utf8(watch->directory)) != NULL)
		wf_watch_right_require(watch->directory);
	else
		ereport(NOTICE,
				(errmsg("this server does not look into directory \"%s\"", wf_quote(watch->directory)),
				 errdetail("It is in none that workflow.trigger_directories lists. Files make runs when they are reported."),
				 errhint("Report them with workflow.report_file().")));
}

/*
 * Store a new file trigger of the current user.  SPI must be connected, as for all of these.
 * Errors as of create_file_trigger().
 */
void
wf_watch_define(WfWatch *watch)
{
	Datum		tenant = wf_tenant_datum();

	check_name(watch->name);
	wf_owner_role_check(GetUserId(), "a file trigger");
	wf_origin_write();
	watch->role = GetUserId();
	watch->tenant = DatumGetPointer(tenant) == NULL ? NULL : wf_tenant_name(tenant);
	watch->suspended_at = DT_NOEND;
	watch->last_at = DT_NOBEGIN;
	check(watch);
	check_place(watch);
	watch->owner = wf_owner_role_enter(GetUserId());
	if (!wf_watch_row_insert(watch))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("file trigger \"%s\" already exists", wf_quote(watch->name)),
				 errhint("workflow.alter_file_trigger() changes it.")));
}

/* --- rights ------------------------------------------------------------------------- */

/* Error WF010 unless one was found, for the session. */
static void
require_found(const char *name, bool found, const WfWatch *watch)
{
	if (!found ||
		!wf_tenant_sees(watch->tenant == NULL ? (Datum) 0 : CStringGetTextDatum(watch->tenant)))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("file trigger \"%s\" does not exist", wf_quote(name)),
				 errhint("Make it with workflow.create_file_trigger().")));
}

/* Read the file trigger of this name.  Error WF010 if there is none for the session. */
void
wf_watch_define_find(const char *name, WfWatch *watch)
{
	require_found(name, wf_watch_row_find(name, false, watch), watch);
}

/*
 * Lock it.  Whose transaction was waited for may have dropped it, and made another one of this
 * name, which may be anybody's.  Error WF010.
 */
void
wf_watch_define_lock(const char *name, WfWatch *watch)
{
	require_found(name, wf_watch_row_find(name, true, watch) || wf_watch_row_find(name, true, watch), watch);
}

/* Error WF002 unless the current user is the owner, or may administer all. */
void
wf_watch_define_require_owner(const WfWatch *watch)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	if (!(OidIsValid(watch->role) && has_privs_of_role(GetUserId(), watch->role)) &&
		!(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of file trigger \"%s\"", wf_quote(watch->name)),
				 errhint("Members of workflow_admin may, too.")));
}

/* Lock the file trigger of this name, which the current user may change.  Errors WF010, WF002. */
void
wf_watch_define_hold(const char *name, WfWatch *watch)
{
	/* who may not have it keeps nobody waiting */
	wf_watch_define_find(name, watch);
	wf_watch_define_require_owner(watch);
	wf_watch_define_lock(name, watch);
	wf_watch_define_require_owner(watch);
}

/* --- changes ------------------------------------------------------------------------ */

/*
 * Have one that is locked make runs, or make none any more, with a note.  Who enables one
 * has it go on after what it was suspended for, and with the directory as it is.
 */
void
wf_watch_define_enable(WfWatch *watch, bool enabled, const char *note)
{
	watch->enabled = enabled;
	watch->note = note;
	if (enabled)
	{
		watch->suspended_at = DT_NOEND;
		watch->reason = NULL;
		watch->inode = 0;
		watch->revision++;		/* it is looked anew, also if nothing changes */
	}
	wf_watch_row_update(watch);
	wf_watch_row_change(watch);
}

/*
 * Write one that is locked and was told to do something else.  A look that is under way is taken
 * anew: it was another trigger's.  Errors as of create_file_trigger().
 */
void
wf_watch_define_change(WfWatch *watch)
{
	check(watch);
	watch->revision++;
	wf_watch_row_update(watch);
	wf_watch_row_change(watch);
}

/* Remove one that is locked, and what is known of its files. */
void
wf_watch_define_drop(const WfWatch *watch)
{
	wf_watch_seen_forget_all(watch->id);
	wf_watch_row_delete(watch->id);
	wf_wakeup_watches();
	(void) wf_owner_role_release(watch->owner);
}
