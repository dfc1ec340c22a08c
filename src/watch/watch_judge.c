/*-------------------------------------------------------------------------
 *
 * watch_judge.c
 *	  What it means how a file looks.
 *
 * Pure C: who looks at a directory asks, and who is told by others how a file looks.
 *
 * A file that was replaced by another one of the same name is new.  The number of its inode
 * tells, but not all alone: some file systems number anew when they are mounted.
 *
 * Whether a content has changed is found by reading it, which is done when anything about
 * the file has changed, and no earlier.  File systems count time in steps, some of two
 * seconds: a file that is written twice within one looks as it did before.  So what was
 * read within that time after it had changed is read once more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "watch/watch_judge.h"

/* The longest step (us) in which file systems count time, as far as is known. */
#define STEP	(2 * USECS_PER_SEC)

/* Is it another file, of the same name? */
static bool
is_another(const WfWatchSight *known, const WfWatchSight *sight)
{
	return known->inode != 0 && sight->inode != 0 && known->inode != sight->inode &&
		(known->size != sight->size || known->modified != sight->modified);
}

/* Does it look other than it did when a run was made of it? */
static bool
differs(WfWatchCheck check, const WfWatchFile *file, const WfWatchSight *sight)
{
	const WfWatchSight *known = &file->sight;

	if (!file->seen)
		return true;
	switch (check)
	{
		case WF_WATCH_NEW:
			return is_another(known, sight);
		case WF_WATCH_MODIFIED:
			return known->size != sight->size || known->modified != sight->modified;
		case WF_WATCH_CONTENT:
			break;
	}
	/* who was told the content knows nothing else */
	return !known->read || sight->read ||
		known->size != sight->size || known->modified != sight->modified ||
		known->inode != sight->inode || known->changed != sight->changed;
}

/* Has it looked so for long enough? */
static bool
has_settled(int64 settle, TimestampTz now, WfWatchFile *file, const WfWatchSight *sight)
{
	if (file->since == DT_NOEND || file->size != sight->size || file->modified != sight->modified)
	{
		file->since = now;
		file->size = sight->size;
		file->modified = sight->modified;
	}
	file->since = Min(file->since, now);	/* clocks are set back */
	return now - file->since >= settle;
}

/* Does all that is known of both say that it is as it was? */
static bool
looks_as_before(const WfWatchSight *known, const WfWatchSight *sight)
{
	return (known->size < 0 || sight->size < 0 || known->size == sight->size) &&
		(known->modified == DT_NOBEGIN || sight->modified == DT_NOBEGIN || known->modified == sight->modified);
}

/*
 * Its content is known now: is it another one?  What it was before contents counted is not known;
 * then it is by how the file looks.
 */
static bool
is_another_content(const WfWatchSight *known, const WfWatchSight *sight)
{
	if (!known->read)
		return !looks_as_before(known, sight);
	return memcmp(known->sha256, sight->sha256, sizeof(sight->sha256)) != 0;
}

static WfWatchVerdict
by_content(TimestampTz now, WfWatchFile *file, const WfWatchSight *sight)
{
	if (!file->seen || is_another_content(&file->sight, sight))
		return WF_WATCH_FIRE;
	if (!file->sight.read || now - file->since >= STEP)
		return WF_WATCH_NOTE;
	file->sight.changed = DT_NOBEGIN;	/* it may change without a trace still */
	return WF_WATCH_WAIT;
}

/*
 * What is to be done about a file that looks so now?  After WF_WATCH_READ its content is
 * read, and this asked again.  *file: remembers for how long it has looked so.
 */
WfWatchVerdict
wf_watch_judge(WfWatchCheck check, int64 settle, TimestampTz now, WfWatchFile *file, const WfWatchSight *sight)
{
	if (!differs(check, file, sight))
	{
		file->since = DT_NOEND;
		return WF_WATCH_SAME;
	}
	if (!has_settled(settle, now, file, sight))
		return WF_WATCH_WAIT;
	if (check != WF_WATCH_CONTENT)
		return WF_WATCH_FIRE;
	return sight->read ? by_content(now, file, sight) : WF_WATCH_READ;
}

/* What was to be done was done: it is known how the file looks. */
void
wf_watch_judge_done(WfWatchCheck check, TimestampTz now, WfWatchFile *file, const WfWatchSight *sight)
{
	bool		certain = check != WF_WATCH_CONTENT || now - file->since >= STEP;

	file->seen = true;
	file->sight = *sight;
	if (certain)
		file->since = DT_NOEND;
	else
		file->sight.changed = DT_NOBEGIN;
}

/* When time alone may change what is to be done about it; infinity: never. */
TimestampTz
wf_watch_judge_again(int64 settle, const WfWatchFile *file)
{
	if (file->since == DT_NOEND)
		return DT_NOEND;
	return file->since + (file->seen && file->sight.changed == DT_NOBEGIN ? Max(settle, STEP) : settle);
}
