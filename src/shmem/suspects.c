/*-------------------------------------------------------------------------
 *
 * suspects.c
 *	  Events of a lane during whose step the server, or an executor, may have
 *	  ended.
 *
 * Runs in executors.  quarantine.c says what it is for.  A lane with suspects
 * has one executor, which alone reads and writes their list, so that takes no
 * lock; they are here because they have to outlive it.  What the runtimes ask,
 * `cleared` and `until`, is written under the lock of the instance.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lwlock.h"

#include "shmem/instance.h"
#include "shmem/suspects.h"

/*
 * Who tells an executor to go means no harm to what it is at; unless it is
 * told so by its own work, every time.
 */
#define MAX_SPARED	10

/* Begin a lane without suspects.  Under the lock. */
void
wf_suspects_init(WfSuspects *suspects)
{
	suspects->cleared = false;
	suspects->until = DT_NOBEGIN;
	for (int i = 0; i < WF_NSUSPECTS; i++)
		suspects->items[i] = (WfSuspect) {.seq = -1};
	suspects->last = 0;
}

/*
 * What is due up to `until` (wf_clock_now()) ended its executor again and again:
 * it is a suspect from now on.  Takes the lock.
 */
void
wf_suspects_suspect(WfSuspects *suspects, TimestampTz until)
{
	wf_instance_lock(LW_EXCLUSIVE);
	suspects->until = until;
	wf_instance_unlock();
}

/* No suspects are left.  Takes the lock. */
void
wf_suspects_clear(WfSuspects *suspects)
{
	wf_instance_lock(LW_EXCLUSIVE);
	suspects->cleared = true;
	suspects->until = DT_NOBEGIN;
	wf_instance_unlock();
}

static bool
is_same(const WfSuspect *suspect, const pg_uuid_t *process, int64 seq)
{
	return suspect->seq == seq &&
		memcmp(&suspect->process, process, UUID_LEN) == 0;
}

/* What is remembered of this event, or NULL. */
static WfSuspect *
find(WfSuspects *suspects, const pg_uuid_t *process, int64 seq)
{
	for (int i = 0; i < WF_NSUSPECTS; i++)
		if (is_same(&suspects->items[i], process, seq))
			return &suspects->items[i];
	return NULL;
}

/* The place of the one that is forgotten: one that is to be acquitted last. */
static WfSuspect *
place_for_another(WfSuspects *suspects)
{
	for (int i = 1; i < WF_NSUSPECTS; i++)
	{
		WfSuspect  *suspect = &suspects->items[(suspects->last + i) % WF_NSUSPECTS];

		if (suspect->attempt != WF_SUSPICION_COUNTED)
			return suspect;
	}
	return &suspects->items[(suspects->last + 1) % WF_NSUSPECTS];
}

/*
 * The attempt of this event is committed, and its step comes next; how often it
 * was spared is kept.
 */
void
wf_suspects_remember(WfSuspects *suspects, const pg_uuid_t *process, int64 seq)
{
	WfSuspect  *suspect = find(suspects, process, seq);

	if (suspect == NULL)
	{
		suspect = place_for_another(suspects);
		*suspect = (WfSuspect) {.process = *process,.seq = seq};
	}
	suspects->last = suspect - suspects->items;
	suspect->attempt = WF_SUSPICION_COUNTED;
}

/* The step of the last suspect begins; false: this event is not that one. */
bool
wf_suspects_begin(WfSuspects *suspects, const pg_uuid_t *process, int64 seq)
{
	WfSuspect  *suspect = &suspects->items[suspects->last];

	if (!is_same(suspect, process, seq))
		return false;
	suspect->attempt = WF_SUSPICION_BEGUN;
	return true;
}

/* The step of the last suspect has ended, and its executor has not. */
void
wf_suspects_end(WfSuspects *suspects)
{
	WfSuspect  *suspect = &suspects->items[suspects->last];

	/* One that ended the executor before us has not been tried again yet. */
	if (suspect->attempt == WF_SUSPICION_BEGUN)
		suspect->attempt = WF_SUSPICION_COUNTED;
}

/*
 * The executor was told to go while it was at work: what is under way is not to
 * blame, unless that happens too often.
 */
void
wf_suspects_spare(WfSuspects *suspects)
{
	WfSuspect  *suspect = &suspects->items[suspects->last];

	if (suspect->attempt != WF_SUSPICION_BEGUN || suspect->spared >= MAX_SPARED)
		return;
	suspect->attempt = WF_SUSPICION_COUNTED;
	suspect->spared++;
}

/* The attempt of the i-th suspect was taken back, and that is committed. */
void
wf_suspects_acquitted(WfSuspects *suspects, int i)
{
	suspects->items[i].attempt = WF_SUSPICION_NONE;
}
