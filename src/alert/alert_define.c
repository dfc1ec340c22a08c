/*-------------------------------------------------------------------------
 *
 * alert_define.c
 *	  Alerts as they are made and changed: does all of it fit?
 *
 * Runs in the sessions of those who make alerts.  What is stored could be looked at, and
 * its run be made, when it was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "alert/alert_define.h"
#include "alert/alert_load.h"
#include "alert/alert_measure.h"
#include "alert/alert_run.h"
#include "base/alteration.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/interval.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "definition/owner_role.h"
#include "store/origin.h"

/* Of a number or an interval (bytes). */
#define LONGEST_TEXT	200

/* More failures are not counted. */
#define MOST_FAILURES	10000

pg_noreturn static void
refuse(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message)));
}

/* --- values ------------------------------------------------------------------------ */

/* The kind of this name.  Error 22023. */
WfAlertKind
wf_alert_define_kind(const char *name)
{
	WfAlertKind kind;

	if (strcmp(name, "waiting too long") == 0)
		return WF_ALERT_WAITING;
	if (strcmp(name, "runtime silent") == 0)
		return WF_ALERT_SILENT;
	if (!wf_alert_row_kind(name, &kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no kind of alert \"%s\"", wf_quote(name)),
				 errhint("Kinds are \"lag\", \"failures\", \"waiting\", \"silent\", \"busy\", \"p95\", \"p99\" and \"failure_rate\".")));
	return kind;
}

/* Messages of types quote all of a text: one that is not longer. */
static const char *
short_text(const char *text)
{
	if (strlen(text) > LONGEST_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no number or interval", wf_quote(text))));
	return text;
}

static double
threshold_of_failures(const char *text)
{
	double		number = DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(short_text(text))));

	if (!(number >= 1 && number <= MOST_FAILURES) || number != floor(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the threshold of an alert of kind \"failures\" is a whole number from 1 to %d", MOST_FAILURES)));
	return number;
}

/* Of an alert whose threshold is how many are busy, or a part. */
static double
threshold_of_load(WfAlertKind kind, const char *text)
{
	double		most = kind == WF_ALERT_BUSY ? WF_MAX_EXECUTORS_MAX * 1000.0 : 1;
	double		number = DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(short_text(text))));

	if (!(number > 0 && number <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the threshold of an alert of kind \"%s\" is a number above 0, up to %.0f",
						wf_alert_row_kind_name(kind), most)));
	return number;
}

static Interval *
interval_of(const char *text)
{
	return DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(short_text(text)),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Error 22023 unless it is not negative, nor so long that sums with it are no times. */
static void
check_interval(const Interval *interval, const char *what, bool positive)
{
	double		days = wf_interval_days(interval);

	if (days < 0 || days > WF_INTERVAL_LONGEST || (positive && days == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be %s 0, and not longer than %d days", what, positive ? "more than" : "at least",
						WF_INTERVAL_LONGEST)));
}

/* A threshold as it is written; NULL: the default.  Error 22023, 22007 and others of types. */
double
wf_alert_define_threshold(WfAlertKind kind, const char *text)
{
	Interval   *interval;

	if (kind == WF_ALERT_FAILURES)
		return text == NULL ? 1 : threshold_of_failures(text);
	if (kind == WF_ALERT_BUSY || kind == WF_ALERT_FAILURE_RATE)
		return threshold_of_load(kind, text != NULL ? text : kind == WF_ALERT_BUSY ? "1" : "0.1");
	interval = interval_of(text == NULL ? "1 minute" : text);
	check_interval(interval, "threshold", true);
	return (double) wf_interval_us(interval) / USECS_PER_SEC;
}

/* --- the whole ---------------------------------------------------------------------- */

static void
check_name(const char *name)
{
	if (*name == '\0')
		refuse("an alert needs a name");
	if (strlen(name) > WF_MAX_JOB_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the name of an alert is too long"),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(name), WF_MAX_JOB_NAME)));
	if (strchr(name, ':') != NULL)
		refuse("the name of an alert must not contain \":\"");
}

/* What is not given is the default. */
static void
complete(WfAlert *alert)
{
	if (alert->filter == NULL)
		alert->filter = wf_jsonb_object(0, NULL, NULL);
	if (alert->lasting == NULL)
		alert->lasting = interval_of("0");
	if (alert->keep == NULL)
		alert->keep = interval_of("1 minute");
	if (alert->within == NULL)
		alert->within = interval_of("1 hour");
}

/* Could it be looked at, and its run be made? */
static void
check(WfAlert *alert)
{
	WfAlertMeasure measure;

	complete(alert);
	check_interval(alert->lasting, "lasting", false);
	check_interval(alert->keep, "keep", false);
	check_interval(alert->within, "within", true);
	if (wf_alert_load_is_kind(alert->kind) && wf_interval_us(alert->within) < USECS_PER_MINUTE)
		refuse("what was done is known by the minute: within must be a minute or more");
	wf_alert_measure(alert, wf_clock_now(), &measure);
	if (alert->job != NULL)
		wf_alert_run_check(alert);
}

/*
 * Store a new alert of the current user, and fill in what was not given.  SPI must be
 * connected, as for all of these.  Errors as of create_alert().
 */
void
wf_alert_define(WfAlert *alert)
{
	check_name(alert->name);
	wf_owner_role_check(GetUserId(), "an alert");
	wf_origin_write();
	alert->role = GetUserId();
	alert->owner = wf_owner_role_enter(GetUserId());
	check(alert);
	if (!wf_alert_row_insert(alert))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("alert \"%s\" already exists", wf_quote(alert->name)),
				 errhint("workflow.alter_alert() changes it.")));
}

/* --- changes ------------------------------------------------------------------------ */

/* A number or a string as text; NULL for null. */
static const char *
threshold_of(const WfAlteration *alteration)
{
	if (alteration->value.type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(alteration->value.val.numeric)));
	return wf_alteration_text(alteration, "a string");
}

static Interval *
interval_or_null(const WfAlteration *alteration)
{
	char	   *text = wf_alteration_text(alteration, "a string");

	return text == NULL ? NULL : interval_of(text);
}

static void
set(WfAlert *alert, WfAlteration *alteration)
{
	if (strcmp(alteration->name, "filter") == 0)
		alert->filter = alteration->value.type == jbvNull ? NULL : JsonbValueToJsonb(&alteration->value);
	else if (strcmp(alteration->name, "threshold") == 0)
		alert->threshold = wf_alert_define_threshold(alert->kind, threshold_of(alteration));
	else if (strcmp(alteration->name, "job") == 0)
		alert->job = wf_alteration_text(alteration, "a string");
	else if (strcmp(alteration->name, "lasting") == 0)
		alert->lasting = interval_or_null(alteration);
	else if (strcmp(alteration->name, "keep") == 0)
		alert->keep = interval_or_null(alteration);
	else if (strcmp(alteration->name, "within") == 0)
		alert->within = interval_or_null(alteration);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no setting \"%s\"", wf_quote(alteration->name)),
				 errhint("There are filter, threshold, job, lasting, keep and within.")));
}

/* Change an alert that is locked, and write it.  Errors as of alter_alert(). */
void
wf_alert_define_alter(WfAlert *alert, const Jsonb *changes)
{
	WfAlteration alteration;

	wf_alteration_begin(&alteration, changes);
	while (wf_alteration_next(&alteration))
		set(alert, &alteration);
	check(alert);
	wf_alert_row_change(alert);
}

/* --- rights ------------------------------------------------------------------------- */

/* Error WF002 unless the current user is the owner, or may administer all. */
static void
require_owner(const WfAlert *alert)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	if (!(OidIsValid(alert->role) && has_privs_of_role(GetUserId(), alert->role)) &&
		!(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of alert \"%s\"", wf_quote(alert->name)),
				 errhint("Members of workflow_admin may, too.")));
}

static void
find(const char *name, bool lock, WfAlert *alert)
{
	if (!wf_alert_row_find(name, lock, alert))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("alert \"%s\" does not exist", wf_quote(name)),
				 errhint("Make it with workflow.create_alert().")));
	require_owner(alert);
}

/* Lock the alert of this name, which the current user may change.  Errors WF010, WF002. */
void
wf_alert_define_hold(const char *name, WfAlert *alert)
{
	/* who may not have it keeps nobody waiting */
	find(name, false, alert);
	find(name, true, alert);
}
