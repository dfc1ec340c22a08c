/*-------------------------------------------------------------------------
 *
 * peer.c
 *	  Who is at the other end of a line.
 *
 * Runs in the link and in the courier, after each connect.  Of several hosts the one is
 * the right one that is not in recovery.  It may not be this server itself; nor another
 * one than before, until somebody accepts that; nor one whose timeline is older than what
 * was seen: an old primary that was started once more.  A standby is a runtime of its own primary
 * only, and who has been one, of no old one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"

#include "remote/peer.h"
#include "remote/peer_seen.h"
#include "shmem/instance.h"
#include "shmem/membership.h"

/* $1: the epoch of this start of this server, which only it can tell. */
#define WHO_ARE_YOU \
	"SELECT pg_catalog.pg_is_in_recovery() AS recovery, c.system_identifier AS system," \
	" CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN" \
	"  pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END AS timeline," \
	" pg_catalog.current_database() AS database," \
	" EXISTS (SELECT FROM workflow.runtime_beats() b WHERE b.epoch OPERATOR(pg_catalog.=) $1::pg_catalog.int8) AS self" \
	" FROM pg_catalog.pg_control_system() c"

typedef enum Verdict
{
	VERDICT_GOOD,
	VERDICT_NEXT,				/* another host may be better */
	VERDICT_REFUSED				/* somebody has to do something */
} Verdict;

/* Is this server, that is known to be another one than before, accepted? */
static bool
is_accepted(const WfPeerSeen *found)
{
	return wf_membership_accepted() == found->system;
}

/* Does it fit what this server is itself? */
static bool
fits(WfLine *line, const WfPeerSeen *found)
{
	bool		standby = RecoveryInProgress();
	bool		same = found->system == GetSystemIdentifier();

	if (standby && !same)
		wf_line_trouble(line, "the other server has the system identifier " UINT64_FORMAT
						": this one is a standby, and not of it", found->system);
	else if (!standby && same && found->timeline < GetWALInsertionTimeLine())
		wf_line_trouble(line, "the other server is at timeline %u, and this one at %u: it is an old primary",
						found->timeline, GetWALInsertionTimeLine());
	else
		return true;
	return false;
}

/* Compare what was found with what was seen before. */
static Verdict
compare(WfLine *line, const WfPeerSeen *found, const char *database)
{
	WfPeerSeen	seen;

	if (!fits(line, found))
		return VERDICT_NEXT;
	wf_peer_seen_read(&seen);
	if (seen.system != 0 && seen.system != found->system && !RecoveryInProgress() && !is_accepted(found))
	{
		wf_line_trouble(line, "the other server has the system identifier " UINT64_FORMAT ", it was " UINT64_FORMAT
						": workflow.accept_remote() goes on with it", found->system, seen.system);
		wf_membership_ask(found->system);
		return VERDICT_REFUSED;
	}
	if (seen.system == found->system && found->timeline < seen.timeline)
	{
		wf_line_trouble(line, "the other server is at timeline %u, and was at %u: it is an old primary",
						found->timeline, seen.timeline);
		return VERDICT_NEXT;
	}
	if ((seen.system != found->system || seen.timeline != found->timeline) && !wf_peer_seen_write(found))
	{
		wf_line_trouble(line, "could not keep which server it is");
		return VERDICT_NEXT;
	}
	wf_membership_peer(found->system, found->timeline, database);
	return VERDICT_GOOD;
}

/*
 * Who is it?  strict: what was seen before counts, and is kept; otherwise it has to be the
 * server that was.
 */
static Verdict
judge(WfLine *line, PGresult *answer, bool strict)
{
	const char *system = wf_line_value(answer, 0, "system");
	const char *timeline = wf_line_value(answer, 0, "timeline");
	WfPeerSeen	found = {0};
	WfMembership now;

	if (system[0] == '\0')
	{
		wf_line_trouble(line, "the other server does not say which one it is");
		return VERDICT_NEXT;
	}
	/* shown as a signed number, which it is not */
	found.system = (uint64) strtoi64(system, NULL, 10);
	wf_membership_reaches(found.system);
	if (strcmp(wf_line_value(answer, 0, "self"), "t") == 0)
	{
		wf_line_trouble(line, "workflow.remote leads to this server itself");
		return VERDICT_NEXT;
	}
	if (strcmp(wf_line_value(answer, 0, "recovery"), "t") == 0 || timeline[0] == '\0')
	{
		wf_line_trouble(line, "the other server is a standby");
		return VERDICT_NEXT;
	}
	found.timeline = strtoul(timeline, NULL, 16);
	if (strict)
		return compare(line, &found, wf_line_value(answer, 0, "database"));
	wf_membership_get(&now);
	if (now.system == found.system && now.timeline == found.timeline)
		return VERDICT_GOOD;
	wf_line_trouble(line, "it is another server than that of the link");
	return VERDICT_NEXT;
}

static Verdict
check(WfLine *line, int timeout, bool strict)
{
	char		epoch[32];
	const char *values[1] = {epoch};
	PGresult   *answer;
	Verdict		verdict;

	snprintf(epoch, sizeof(epoch), INT64_FORMAT, wf_instance->epoch);
	answer = wf_line_ask(line, WHO_ARE_YOU, 1, values, timeout);
	if (answer == NULL)
		return VERDICT_NEXT;
	verdict = judge(line, answer, strict);
	wf_line_library()->clear(answer);
	return verdict;
}

/*
 * Open a line to the server of these targets that is the right one, within so many ms for
 * each step.  strict: for the link, which decides which one that is; the courier takes the
 * same.  False: there is trouble, that of the last target; *refused: somebody has to do
 * something about it.
 */
bool
wf_peer_open(WfLine *line, const WfTargets *targets, const char *encoding, int timeout, bool strict,
			 bool *refused)
{
	*refused = false;
	for (int i = 0; i < targets->n && !*refused; i++)
	{
		Verdict		verdict;

		if (!wf_target_open(line, targets, i, encoding, timeout))
			continue;
		verdict = check(line, timeout, strict);
		if (verdict == VERDICT_GOOD)
			return true;
		wf_line_close(line);
		*refused = verdict == VERDICT_REFUSED;
	}
	return false;
}
