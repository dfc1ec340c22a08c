/*-------------------------------------------------------------------------
 *
 * foreign_settings.c
 *	  Settings of a client's session that code of another role does not see.
 *
 * Runs in backends of clients, and in executors whose code calls another
 * owner's processes.  Whoever may only send an event could else choose what
 * the owner's checks find: gin_fuzzy_search_limit, plpgsql.check_asserts and
 * timezone_abbreviations are some of those that everybody may set.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/array.h"
#include "eval/foreign_settings.h"
#include "eval/neutral_value.h"
#include "eval/setting_library.h"
#include "eval/setting_list.h"

/*
 * What stays as the session has it, sorted as strcmp() does: limits, messages
 * and the connection, none of which changes what code gives, and what
 * user_context.c pins for all sessions.  doc/reference.md has the list, too.
 */
static const char *const left_alone[] =
{
	"DateStyle",				/* pinned */
	"IntervalStyle",			/* pinned */
	"TimeZone",					/* pinned */
	"application_name",
	"array_nulls",				/* pinned */
	"bytea_output",				/* pinned */
	"client_connection_check_interval",
	"client_encoding",
	"client_min_messages",
	"debug_pretty_print",
	"debug_print_parse",
	"debug_print_plan",
	"debug_print_raw_parse",
	"debug_print_rewritten",
	"extra_float_digits",		/* pinned */
	"hash_mem_multiplier",
	"idle_in_transaction_session_timeout",
	"idle_session_timeout",
	"lock_timeout",
	"log_parameter_max_length_on_error",
	"logical_decoding_work_mem",
	"maintenance_work_mem",
	"quote_all_identifiers",	/* pinned */
	"search_path",				/* pinned */
	"standard_conforming_strings",	/* pinned */
	"statement_timeout",
	"tcp_keepalives_count",
	"tcp_keepalives_idle",
	"tcp_keepalives_interval",
	"tcp_user_timeout",
	"temp_buffers",
	"trace_notify",
	"trace_sort",
	"transaction_timeout",
	"transform_null_equals",	/* pinned */
	"vacuum_buffer_usage_limit",
	"wal_sender_timeout",
	"work_mem",
	"workflow.tenant",			/* pinned, where the code works for one */
	"workflow.traceparent",		/* pinned, to the span of the code */
	"xmlbinary",				/* pinned */
	"xmloption"					/* pinned */
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp((const char *) a, *(const char *const *) b);
}

/* Is a setting, or its reset value, nothing that the session has a say in? */
static bool
is_of_server(GucSource source)
{
	return source <= PGC_S_DATABASE || source == PGC_S_OVERRIDE;
}

/*
 * Has the session set this?  GUC_NO_RESET_ALL have the role, the properties
 * of a transaction, and the seed, which is no state but a command.
 */
static bool
is_of_session(const struct config_generic *setting)
{
	return !is_of_server(setting->source) && setting->context == PGC_USERSET &&
		(setting->flags & GUC_NO_RESET_ALL) == 0;
}

/*
 * Is a setting to be hidden?  What no library has defined is the application's
 * own, and its functions read it on purpose.
 */
static bool
is_hidden(const struct config_generic *setting)
{
	return (setting->flags & GUC_CUSTOM_PLACEHOLDER) == 0 &&
		bsearch(setting->name, left_alone, lengthof(left_alone), sizeof(left_alone[0]),
				compare_names) == NULL;
}

/*
 * Settings that are to be hidden, in an array that is good until the next
 * call.  One that nobody has defined may be that of a library which the code is
 * about to load, and would come into force then: so the library is loaded now.
 */
static struct config_generic **
list_hidden(int *n)
{
	static struct config_generic **hidden = NULL;
	static int	size = 0;
	int			count = 0;
	int			all;
	struct config_generic **list = wf_setting_list(&all);
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	for (int i = 0; i < all; i++)
	{
		if (!is_of_session(list[i]))
			continue;
		if (is_hidden(list[i]))
			*wf_array_grow(hidden, count, size) = list[i];
		else if ((list[i]->flags & GUC_CUSTOM_PLACEHOLDER) != 0 &&
				 wf_setting_library_load(list[i]->name))
		{
			list = wf_setting_list(&all);	/* another one by now */
			i = -1;
			count = 0;
		}
	}
	MemoryContextSwitchTo(old);
	*n = count;
	return hidden;
}

/* Until the present nest level of settings ends. */
static int
set(const struct config_generic *setting, const char *value, int elevel)
{
	return set_config_option(setting->name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, elevel, false);
}

/*
 * Give a setting its neutral value.  One that the server has configured may
 * be refused in a session.
 */
static void
hide(struct config_generic *setting)
{
	if (is_of_server(setting->reset_source))
		(void) set(setting, NULL, 0);
	else if (set(setting, wf_neutral_value(setting), DEBUG1) <= 0)
		(void) set(setting, wf_neutral_value_boot(setting), 0);
}

/*
 * Give each setting that the session, its client or its role has set the value
 * that it has in a session for which nobody has set anything, until the
 * present nest level of settings ends.  All but those of left_alone[], the
 * application's own, and those of superusers.  Costs a look at what is not at
 * its default if there is nothing to do.  May load libraries, and throws what
 * they throw when they are loaded.
 */
void
wf_foreign_settings_hide(void)
{
	int			n;
	struct config_generic **hidden = list_hidden(&n);

	for (int i = 0; i < n; i++)
		hide(hidden[i]);
}
