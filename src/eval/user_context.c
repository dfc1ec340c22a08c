/*-------------------------------------------------------------------------
 *
 * user_context.c
 *	  As whom, and with which settings, the author's SQL runs.
 *
 * Runs in any backend.  Code that is not pure runs inside of a user context,
 * from wf_user_context_enter() to wf_user_context_leave().  In an executor
 * the session itself is the owner's, so only the settings change.  In a
 * client's session the role is switched and the owner's code runs
 * restricted, unless the session is the owner's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/xml.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "eval/evaluator.h"
#include "eval/foreign_settings.h"
#include "eval/restricted.h"
#include "eval/user_context.h"

/*
 * These flags are needed on every version.  Before version 18 a deferred
 * trigger fires as the role that commits.  From 18 on it fires as the role
 * that queued it, but after we have left; and a SECURITY_LOCAL_USERID_CHANGE
 * alone does not forbid PREPARE, by which code could replace a statement of
 * the caller's, to be executed with the caller's privileges.
 */
#define WF_FOREIGN_SESSION \
	(SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION)

static bool user_code_ran = false;

/* What is done with a setting: until the nest level ends, or for the session. */
static GucAction action = GUC_ACTION_SAVE;

static void
pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, action, true, 0, false);
}

/*
 * Set everything that the results of the author's code depend on, so that
 * they do not depend on who happens to send the command: search_path and
 * time zone as the author had them, and how values are read and written as
 * in a server that nobody has configured.  A setting that has the right
 * value already costs a comparison.
 */
static void
pin_settings(const WfAuthor *author)
{
	pin("search_path", author->search_path);
	if (strcmp(pg_get_timezone_name(session_timezone), author->time_zone) != 0)
		pin("TimeZone", author->time_zone);
	if (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_MDY)
		pin("DateStyle", "ISO, MDY");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		pin("IntervalStyle", "postgres");
	if (extra_float_digits != 1)
		pin("extra_float_digits", "1");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		pin("bytea_output", "hex");
	if (xmlbinary != XMLBINARY_BASE64)
		pin("xmlbinary", "base64");
	if (xmloption != XMLOPTION_CONTENT)
		pin("xmloption", "content");
	if (Transform_null_equals)
		pin("transform_null_equals", "off");
	if (!standard_conforming_strings)
		pin("standard_conforming_strings", "on");
	if (!Array_nulls)
		pin("array_nulls", "on");
	if (quote_all_identifiers)
		pin("quote_all_identifiers", "off");
}

/* The tenant for whom the code works, so that policies of its tables know. */
static void
pin_tenant(const char *tenant)
{
	if (tenant != NULL && strcmp(wf_tenant, tenant) != 0)
		pin("workflow.tenant", tenant);
}

/* The span that the code is in, so that what it makes or calls hangs below it. */
static void
pin_trace(const char *trace)
{
	if (trace != NULL && strcmp(wf_traceparent, trace) != 0)
		pin("workflow.traceparent", trace);
}

/*
 * Make the author's settings, tenant and trace context those of the session, whose user is
 * the owner: for code that begins and ends transactions, which ends every nest level of
 * settings.
 */
void
wf_user_context_pin_session(const WfAuthor *author, const char *tenant, const char *trace)
{
	user_code_ran = true;
	action = GUC_ACTION_SET;
	PG_TRY();
	{
		pin_settings(author);
		pin_tenant(tenant);
		pin_trace(trace);
	}
	PG_FINALLY();
	{
		action = GUC_ACTION_SAVE;
	}
	PG_END_TRY();
}

static void
clear(const char *name)
{
	(void) set_config_option(name, "", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
}

/* The session works for nobody any more, and in no trace. */
void
wf_user_context_end_session(void)
{
	if (wf_tenant[0] != '\0')
		clear("workflow.tenant");
	if (wf_traceparent[0] != '\0')
		clear("workflow.traceparent");
}

/*
 * Have the settings of the author, and nothing else, until AtEOXact_GUC() with the nest
 * level that is returned: for what code of the server writes.
 */
int
wf_user_context_pin(const WfAuthor *author)
{
	int			guc_level = NewGUCNestLevel();

	pin_settings(author);
	return guc_level;
}

/*
 * Enter the context of the owner, who is the author, unless it is entered
 * already: switch role and settings.  It may be entered before the code that needs it; a
 * step does so before a subtransaction, since the context must outlive that.  An error
 * needs no undo, because the end of the (sub)transaction restores role and
 * settings.
 *
 * Error WF002 if the owner is a superuser and workflow.allow_superuser is
 * off; 42501 as wf_restricted_enter() throws it.
 */
void
wf_user_context_enter(const WfAuthor *author, WfUserContext *bracket)
{
	int			restricted = 0;

	user_code_ran = true;
	if (bracket->open)
	{
		/* code that has named another tenant, or trace, has done so for itself only */
		pin_tenant(bracket->tenant);
		pin_trace(bracket->trace);
		return;
	}

	/* define() has refused superusers, but the role may be one by now. */
	if (superuser_arg(author->role) && !wf_allow_superuser)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 author->job != NULL ?
				 errmsg("the owner of job \"%s\" is a superuser", author->job) :
				 errmsg("the owner of the definition is a superuser"),
				 errdetail(author->job != NULL ? "Its code would run as superuser \"%s\"." :
						   "Guards and actions would run as superuser \"%s\".",
						   GetUserNameFromId(author->role, true)),
				 errhint("Set workflow.allow_superuser to on to allow this.")));

	/*
	 * Called by code of another role, the owner's code is not its own master, even
	 * in a session of the owner: settings are those that the other has made.
	 */
	bracket->foreign = GetAuthenticatedUserId() != author->role ||
		GetSessionUserId() != author->role ||
		GetUserId() != author->role ||
		wf_restricted_is_inside();
	if (bracket->foreign)
	{
		restricted = WF_FOREIGN_SESSION;
		bracket->depth = wf_restricted_enter();
	}
	GetUserIdAndSecContext(&bracket->user, &bracket->sec_context);
	bracket->guc_level = NewGUCNestLevel();
	if (bracket->foreign)
		wf_foreign_settings_hide();
	pin_settings(author);
	pin_tenant(bracket->tenant);
	pin_trace(bracket->trace);
	SetUserIdAndSecContext(author->role,
						   bracket->sec_context | restricted);
	bracket->open = true;
}

/*
 * Leave the owner's context, if it was entered: restore role and settings.
 * Must be called after each event.  This is cheap if only pure expressions
 * ran.  Error 42501 as wf_restricted_leave() throws it.
 */
void
wf_user_context_leave(WfUserContext *bracket)
{
	bracket->began = 0;
	if (!bracket->open)
		return;
	AtEOXact_GUC(false, bracket->guc_level);
	SetUserIdAndSecContext(bracket->user, bracket->sec_context);
	bracket->open = false;
	if (bracket->foreign)
		wf_restricted_leave(bracket->depth);
}

/* Has any code that is not pure run in this session since the last call? */
bool
wf_user_context_ran(void)
{
	bool		ran = user_code_ran;

	user_code_ran = false;
	return ran;
}
