/*-------------------------------------------------------------------------
 *
 * user_context.c
 *	  Whose rights and settings the author's SQL has.
 *
 * Runs in any backend.  Code that is not pure runs inside a bracket, from
 * wf_user_context_enter() to wf_user_context_leave().  In an executor the session itself is the
 * owner's, so only the path and the settings are bracketed.  In a client's
 * session the user is switched; before version 18 a deferred trigger fires as
 * whoever commits, so there the owner's code runs restricted, unless the
 * session is the owner's.
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
#include "eval/restricted.h"
#include "eval/user_context.h"

/*
 * On every version: from 18 on a deferred trigger fires as the role that
 * queued it, but after we have left, and a definer's session is not closed to
 * PREPARE: under the name of a statement of the caller's, it runs as them.
 */
#define WF_FOREIGN_SESSION \
	(SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION)

static bool user_code_ran = false;

static void
pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * What the author's code gives must not depend on who happens to send the
 * command: path and time zone are those of the author, and how values are
 * read and written is as in a server that nobody has configured.  Settings
 * that are right already cost a comparison.
 */
static void
pin_settings(const WfEvaluator *evaluator)
{
	pin("search_path", evaluator->search_path);
	if (strcmp(pg_get_timezone_name(session_timezone), evaluator->time_zone) != 0)
		pin("TimeZone", evaluator->time_zone);
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

/*
 * Open a bracket ahead of the code that will need it; for code that runs in a
 * subtransaction of its own, and yet in the step's bracket.  Errors: those of
 * restricted.h.
 */
void
wf_user_context_enter(WfEvaluator *evaluator, WfUserContext *bracket)
{
	int			restricted = 0;

	user_code_ran = true;
	if (bracket->open)
		return;

	/* It was none when it defined this: made one since, or by a restore. */
	if (superuser_arg(evaluator->owner) && !wf_allow_superuser)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("the owner of the definition is a superuser"),
				 errdetail("Guards and actions would run as superuser \"%s\".",
						   GetUserNameFromId(evaluator->owner, true)),
				 errhint("workflow.allow_superuser lifts this.")));

	bracket->foreign = GetAuthenticatedUserId() != evaluator->owner ||
		GetSessionUserId() != evaluator->owner ||
		GetUserId() != evaluator->owner;
	if (bracket->foreign)
	{
		restricted = WF_FOREIGN_SESSION;
		bracket->depth = wf_restricted_enter();
	}
	GetUserIdAndSecContext(&bracket->user, &bracket->sec_context);
	bracket->guc_level = NewGUCNestLevel();
	pin_settings(evaluator);
	SetUserIdAndSecContext(evaluator->owner,
						   bracket->sec_context | restricted);
	bracket->open = true;
}

/*
 * Close a bracket: settings and role are as before.  Call after each event;
 * cheap when nothing but pure expressions ran.
 */
void
wf_user_context_leave(WfUserContext *bracket)
{
	bracket->until = 0;
	if (!bracket->open)
		return;
	AtEOXact_GUC(false, bracket->guc_level);
	SetUserIdAndSecContext(bracket->user, bracket->sec_context);
	bracket->open = false;
	if (bracket->foreign)
		wf_restricted_leave(bracket->depth);
}

/* Has any code that is not pure run in this session since the last look? */
bool
wf_user_context_ran(void)
{
	bool		ran = user_code_ran;

	user_code_ran = false;
	return ran;
}
