/*-------------------------------------------------------------------------
 *
 * local_time.c
 *	  From times that a clock on the wall shows to instants.
 *
 * Between two changes of its clocks a zone has one offset, and a local time is
 * one instant: that is a span.  Where the clocks are put forward, local times
 * are missing (a gap); where they are put back, local times come twice (a
 * fold), at the end of one span and at the beginning of the next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "recurrence/local_time.h"

/* No zone ever put its clocks by as much: less than 15 hours each way of UTC. */
#define FAR		(2 * USECS_PER_DAY)

/* All times in microseconds. */
typedef struct Span
{
	TimestampTz from;			/* DT_NOBEGIN if it is far */
	TimestampTz to;				/* exclusive; DT_NOEND */
	int64		before;			/* offset of the span before */
	int64		offset;			/* local time is UTC plus this */
	int64		after;			/* offset of the span after */
} Span;

/*
 * From a time on, the clocks have an offset, until they change to another one.
 */
static void
read_change(pg_tz *zone, TimestampTz time, Span *span)
{
	pg_time_t	seconds = timestamptz_to_time_t(time);
	pg_time_t	boundary;
	long		before;
	long		after;
	int			before_dst;
	int			after_dst;
	int			found = pg_next_dst_boundary(&seconds, &before, &before_dst,
											 &boundary, &after, &after_dst, zone);

	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	span->offset = before * USECS_PER_SEC;
	span->to = found == 0 ? DT_NOEND : time_t_to_timestamptz(boundary);
	span->after = found == 0 ? span->offset : after * USECS_PER_SEC;
}

/* PostgreSQL tells only of changes to come: go back a little, and on from there. */
static void
find_span(pg_tz *zone, TimestampTz time, Span *span)
{
	read_change(zone, time - FAR, span);
	span->from = DT_NOBEGIN;
	span->before = span->offset;
	while (span->to <= time)
	{
		span->from = span->to;
		span->before = span->offset;
		read_change(zone, span->from, span);
	}
}

/* The day of a local time, in days since 2000-01-01. */
int
wf_local_time_day(Timestamp time)
{
	return (int) (time / USECS_PER_DAY - (time % USECS_PER_DAY < 0));
}

/* What a clock on the wall shows at an instant. */
Timestamp
wf_local_time_of(pg_tz *zone, TimestampTz time)
{
	Span		span;

	find_span(zone, time, &span);
	return time + span.offset;
}

/*
 * The first local time of a span, from `time` on, that counts: not the second
 * time of a fold if the first one is meant.
 */
static Timestamp
first_local(const WfLocalZone *zone, const Span *span, TimestampTz time)
{
	if (span->before > span->offset && zone->fold == WF_FOLD_FIRST && !zone->hourly)
		return Max(time + span->offset, span->from + span->before);
	return time + span->offset;
}

/* The end of the local times of a span that count. */
static Timestamp
end_local(const WfLocalZone *zone, const Span *span)
{
	if (span->to == DT_NOEND)
		return DT_NOEND;
	if (span->after < span->offset && zone->fold == WF_FOLD_SECOND && !zone->hourly)
		return span->to + span->after;
	return span->to + span->offset;
}

/* Has the gap before a span an occurrence that is made up for at its end? */
static bool
is_made_up(const WfLocalZone *zone, const Span *span, WfLocalNext next_local,
		   const void *recurrence)
{
	return span->before < span->offset && zone->gap == WF_GAP_NEXT && !zone->hourly &&
		next_local(recurrence, span->from + span->before) < span->from + span->offset;
}

/*
 * Where to go on when a span has nothing from `time` on, and the next local
 * time is `local`.  A change of the clocks that is near may have something all
 * the same; beyond it there is nothing until shortly before `local`.
 */
static TimestampTz
go_on(const Span *span, TimestampTz time, Timestamp local)
{
	if (span->to < time + FAR)
		return span->to;
	if (local == DT_NOEND)
		return DT_NOEND;
	return Max(span->to, local - FAR);
}

/*
 * Find the first instant later than `after` at which the clock shows one of the
 * local times.  False if there is none.
 *
 * Of local times that are missing all are made up for at the end of the gap, at
 * once, or none, as the zone says; and of those that come twice one is taken,
 * or both.  But where something happens in every hour (`hourly`), people mean
 * that time goes by: nothing is made up for, because the hours on both sides of
 * the gap have their own, and both passes of a fold count.
 */
bool
wf_local_time_next(const WfLocalZone *zone, WfLocalNext next_local, const void *recurrence,
				   TimestampTz after, TimestampTz *next)
{
	TimestampTz time = after + 1;

	while (time < (TimestampTz) WF_END_DAY * USECS_PER_DAY)
	{
		Timestamp	local;
		Span		span;

		CHECK_FOR_INTERRUPTS();
		find_span(zone->zone, time, &span);
		if (time == span.from && is_made_up(zone, &span, next_local, recurrence))
		{
			*next = span.from;
			return true;
		}
		local = next_local(recurrence, first_local(zone, &span, time));
		if (local < end_local(zone, &span))
		{
			*next = local - span.offset;
			return true;
		}
		time = go_on(&span, time, local);
	}
	return false;
}
