/*-------------------------------------------------------------------------
 *
 * link_talk.c
 *	  What the link says to the other server.
 *
 * Runs in the link.  These are the calls of any runtime (doc/cluster.md): this instance
 * has no other rights there than the role that it logs in as.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/json.h"

#include "base/clock.h"
#include "base/compat.h"
#include "remote/link_talk.h"
#include "shmem/instance.h"

/* Bounds (ms) of the time in which an answer has to come, and that of a goodbye. */
#define TIMEOUT_MIN		500
#define TIMEOUT_MAX		10000
#define GOODBYE_TIMEOUT	300

/* Who is to ask again later does so no earlier (ms). */
#define WAIT_MIN		100

#define SETTINGS \
	"SELECT s.name, s.value FROM workflow.settings s"

/* who was given another role there keeps it */
#define REGISTER \
	"SELECT r.epoch, r.state, (pg_catalog.date_part('epoch', r.wait) OPERATOR(pg_catalog.*) 1000)::pg_catalog.int4 AS wait" \
	" FROM workflow.register_runtime($1, $2, 'both', $3, $4::pg_catalog.jsonb) r"

#define BEAT \
	"SELECT b.ok, b.mine, b.service, b.runs, b.files, b.settings, b.role," \
	" (pg_catalog.date_part('epoch', b.next_in) OPERATOR(pg_catalog.*) 1000)::pg_catalog.int4 AS next" \
	" FROM workflow.beat($1, $2::pg_catalog.int8, $3::pg_catalog.int8) b"

#define SERVICE_TURN \
	"SELECT pg_catalog.count(*) FROM workflow.service_turn($1, $2::pg_catalog.int8)"

#define GOODBYE \
	"SELECT workflow.shutdown_runtime($1, $2::pg_catalog.int8)"

/* Errors: there is no runtime of that id, or it cannot be ours; an epoch is over. */
#define ERR_RUNTIME		"WF018"
#define ERR_FENCE		"WF012"

/* Begin, before anything is known of the other server. */
void
wf_link_talk_begin(WfLinkTalk *talk, const char *id)
{
	memset(talk, 0, sizeof(*talk));
	strlcpy(talk->id, id, sizeof(talk->id));
	/* a link that was ended alone is this one, begun anew: nobody need wait for it to be silent */
	snprintf(talk->fingerprint, sizeof(talk->fingerprint), INT64_FORMAT, wf_instance->epoch);
	talk->settings = -1;
	wf_cluster_setting_defaults(talk->values);
}

/* After so many ms without a word from us the other server takes us for dead. */
int
wf_link_talk_silence(const WfLinkTalk *talk)
{
	int64		silence = (int64) talk->values[WF_CLUSTER_ALIVE_INTERVAL] * talk->values[WF_CLUSTER_DEATH_COUNT];

	return Min(silence, PG_INT32_MAX);
}

/* So many ms an answer may take: we are to notice before we are taken for dead. */
int
wf_link_talk_timeout(const WfLinkTalk *talk)
{
	return Min(Max(wf_link_talk_silence(talk) / 3, TIMEOUT_MIN), TIMEOUT_MAX);
}

static PGresult *
ask(WfLinkTalk *talk, const char *sql, int n, const char *const *values)
{
	return wf_line_ask(&talk->line, sql, n, values, wf_link_talk_timeout(talk));
}

/*
 * Does the other server say that our life there is over?  Also when the id is another one's by
 * now: since then ours was somebody else's to end.
 */
static bool
says_that_it_is_over(const WfLinkTalk *talk)
{
	return strcmp(talk->line.sqlstate, ERR_FENCE) == 0 || strcmp(talk->line.sqlstate, ERR_RUNTIME) == 0;
}

static bool
is_true(const char *value)
{
	return value != NULL && strcmp(value, "t") == 0;
}

static const char *
number(int64 value)
{
	return psprintf(INT64_FORMAT, value);
}

/* Read the settings of the cluster.  False: there is trouble. */
bool
wf_link_talk_settings(WfLinkTalk *talk)
{
	PGresult   *answer = ask(talk, SETTINGS, 0, NULL);

	if (answer == NULL)
		return false;
	for (int i = 0; i < wf_line_library()->ntuples(answer); i++)
	{
		int			setting = wf_cluster_setting_find(wf_line_value(answer, i, "name"));

		/* one that this version does not know is not for us */
		if (setting >= 0)
			talk->values[setting] = wf_cluster_setting_stored(setting, wf_line_value(answer, i, "value"));
	}
	wf_line_library()->clear(answer);
	return true;
}

/* --- registration ------------------------------------------------------------------------- */

/* Why no runs are done here, which may be as it is wanted; NULL: there is a database for them. */
const char *
wf_link_talk_no_database(const WfLinkTalk *talk)
{
	return talk->standby || wf_remote_database[0] != '\0' ? NULL :
		"no runs are done: workflow.remote_database is not set";
}

/* What people are told of this instance. */
static char *
info(const WfLinkTalk *talk)
{
	const char *trouble = talk->excuse != NULL ? talk->excuse : wf_link_talk_no_database(talk);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "{\"server\": ");
	escape_json(&text, PG_VERSION);
	appendStringInfoString(&text, ", \"workflow\": ");
	escape_json(&text, WF_VERSION);
	appendStringInfoString(&text, ", \"database\": ");
	escape_json(&text, wf_remote_database);
	if (trouble != NULL)
	{
		appendStringInfoString(&text, ", \"trouble\": ");
		escape_json(&text, trouble);
	}
	appendStringInfoChar(&text, '}');
	return text.data;
}

/* Register; *wait: ask again after so many ms. */
WfLinkAsked
wf_link_talk_register(WfLinkTalk *talk, int *wait)
{
	const char *values[] = {talk->id, talk->standby ? "standby" : "remote", talk->fingerprint, info(talk)};
	int64		asked_at = wf_clock_real_steady();
	PGresult   *answer = ask(talk, REGISTER, lengthof(values), values);
	const char *epoch;

	*wait = 0;
	if (answer == NULL)
		return strcmp(talk->line.sqlstate, ERR_RUNTIME) == 0 ? WF_LINK_IS_TAKEN : WF_LINK_TROUBLE;
	epoch = wf_line_column(answer, 0, "epoch");
	talk->epoch = epoch == NULL ? 0 : strtoi64(epoch, NULL, 10);
	talk->heard_at = asked_at;
	*wait = epoch == NULL ? Max(atoi(wf_line_value(answer, 0, "wait")), WAIT_MIN) : 0;
	wf_line_library()->clear(answer);
	return epoch == NULL ? WF_LINK_ASK_LATER : WF_LINK_REGISTERED;
}

/*
 * This instance cannot be a runtime, and the other server is to show why: it registers, and
 * ends.  False: it could not be said.
 */
bool
wf_link_talk_excuse(WfLinkTalk *talk, const char *why)
{
	int			wait;
	bool		said;

	talk->excuse = why;
	said = wf_link_talk_register(talk, &wait) == WF_LINK_REGISTERED && wf_link_talk_end(talk);
	talk->excuse = NULL;
	talk->epoch = 0;
	return said;
}

/* --- beats ---------------------------------------------------------------------------------- */

/* It is our turn to recover runtimes that have gone. */
static bool
serve(WfLinkTalk *talk)
{
	const char *values[] = {talk->id, number(talk->epoch)};
	PGresult   *answer = ask(talk, SERVICE_TURN, lengthof(values), values);

	if (answer == NULL)
		return false;
	wf_line_library()->clear(answer);
	return true;
}

/*
 * Say that we live.  *wait: until the next beat, in ms; *look: runs wait for us.  The
 * epoch is 0 afterwards if it is over.  False: there is trouble.
 */
bool
wf_link_talk_beat(WfLinkTalk *talk, int *wait, bool *look)
{
	const char *values[] = {talk->id, number(talk->epoch), talk->settings < 0 ? NULL : number(talk->settings)};
	int64		asked_at = wf_clock_real_steady();
	PGresult   *answer = ask(talk, BEAT, lengthof(values), values);
	const char *settings;
	const char *next;
	bool		service;

	*wait = talk->values[WF_CLUSTER_ALIVE_INTERVAL];
	*look = false;
	if (answer == NULL && !says_that_it_is_over(talk))
		return false;
	if (answer == NULL || !is_true(wf_line_column(answer, 0, "ok")))
	{
		if (answer != NULL)
			wf_line_library()->clear(answer);
		talk->epoch = 0;
		return true;
	}
	talk->heard_at = asked_at;
	*look = wf_line_column(answer, 0, "runs") != NULL && atoi(wf_line_column(answer, 0, "runs")) > 0;
	talk->files = atoi(wf_line_value(answer, 0, "files"));
	service = is_true(wf_line_column(answer, 0, "service"));
	next = wf_line_column(answer, 0, "next");
	if (next != NULL && atoi(next) > 0)
		*wait = Min(*wait, atoi(next));
	settings = wf_line_column(answer, 0, "settings");
	if (settings != NULL && strtoi64(settings, NULL, 10) != talk->settings)
	{
		int64		newest = strtoi64(settings, NULL, 10);

		wf_line_library()->clear(answer);
		if (!wf_link_talk_settings(talk))
			return false;
		talk->settings = newest;
	}
	else
		wf_line_library()->clear(answer);
	return !service || serve(talk);
}

/*
 * End this life, and begin another one: what was claimed is free.  It may be over already,
 * which the answer says, or a lost one has done.  False: there is trouble.
 */
bool
wf_link_talk_end(WfLinkTalk *talk)
{
	const char *values[] = {talk->id, number(talk->epoch)};
	PGresult   *answer = ask(talk, GOODBYE, lengthof(values), values);

	if (answer != NULL)
		wf_line_library()->clear(answer);
	else if (!says_that_it_is_over(talk))
		return false;
	talk->epoch = 0;
	return true;
}

/* We end: what was claimed is others' at once.  It does not take long, whatever happens. */
void
wf_link_talk_goodbye(WfLinkTalk *talk)
{
	const char *values[] = {talk->id, number(talk->epoch)};
	int64		until = wf_clock_real_steady() + GOODBYE_TIMEOUT * INT64CONST(1000);
	const WfLinkFunctions *pq = wf_line_library();

	if (talk->epoch == 0 || !wf_line_is_open(&talk->line) || talk->line.asking ||
		pq->sendQueryParams(talk->line.conn, GOODBYE, lengthof(values), NULL, values, NULL, NULL, 0) == 0)
		return;
	/* the latch is set: this process is to end */
	while (wf_clock_real_steady() < until && pq->flush(talk->line.conn) >= 0 &&
		   pq->consumeInput(talk->line.conn) != 0 && pq->isBusy(talk->line.conn))
		(void) WaitLatchOrSocket(NULL, WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 pq->socket(talk->line.conn), (until - wf_clock_real_steady()) / 1000 + 1,
								 WaitEventExtensionNew("WorkflowGoodbye"));
}
