/*-------------------------------------------------------------------------
 *
 * rate.c
 *	  How many units were spent within an interval before now.
 *
 * The interval is cut into 64 pieces.  What was spent in the present one and the 64
 * before it is counted, so that no interval has more, wherever it begins.  Pure: who
 * shares a rate has a lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/rate.h"

static int64
piece_of(int64 interval)
{
	return (interval + WF_RATE_PIECES - 1) / WF_RATE_PIECES;
}

/* What was spent in a piece. */
static int32 *
spent_in(WfRate *rate, int64 piece)
{
	return &rate->spent[piece % lengthof(rate->spent)];
}

static int64
sum_of(const WfRate *rate)
{
	int64		sum = 0;

	for (int i = 0; i < (int) lengthof(rate->spent); i++)
		sum += rate->spent[i];
	return sum;
}

/* All that was spent was spent now. */
static void
spend_anew(WfRate *rate, int64 piece, TimestampTz now)
{
	int64		sum = wf_rate_is_known(rate) ? sum_of(rate) : 0;

	memset(rate->spent, 0, sizeof(rate->spent));
	rate->piece = piece;
	rate->newest = now / piece;
	*spent_in(rate, rate->newest) = (int32) Min(sum, PG_INT32_MAX);
}

/*
 * Forget what was spent longer ago than the interval.  When that has another length by
 * now, or the clock was set back, it is not forgotten too early.
 */
static void
turn(WfRate *rate, int64 interval, TimestampTz now)
{
	int64		piece = piece_of(interval);

	if (rate->piece != piece || now / piece < rate->newest - WF_RATE_PIECES)
		spend_anew(rate, piece, now);
	if (now / piece - rate->newest > WF_RATE_PIECES)
	{
		memset(rate->spent, 0, sizeof(rate->spent));
		rate->newest = now / piece;
	}
	while (rate->newest < now / piece)
		*spent_in(rate, ++rate->newest) = 0;
}

/* A rate is known from now on: this was spent before, of which the newest come first. */
void
wf_rate_begin(WfRate *rate, int64 interval, TimestampTz now, int n, const WfRateMoment *past)
{
	int64		oldest;

	spend_anew(rate, piece_of(interval), now);
	oldest = rate->newest - WF_RATE_PIECES;
	for (int i = 0; i < n; i++)
	{
		int64		piece = Min(past[i].at / rate->piece, rate->newest);

		if (piece >= oldest)
			*spent_in(rate, piece) += past[i].units;
	}
}

/* May so many be spent of `limit`?  If not, *retry_at is lowered to when they may. */
bool
wf_rate_has(WfRate *rate, int64 interval, int64 limit, int units, TimestampTz now,
			TimestampTz *retry_at)
{
	int64		over;

	turn(rate, interval, now);
	over = sum_of(rate) + units - limit;
	if (over <= 0)
		return true;
	for (int64 piece = rate->newest - WF_RATE_PIECES; piece <= rate->newest; piece++)
	{
		over -= *spent_in(rate, piece);
		if (over > 0)
			continue;
		*retry_at = Min(*retry_at, (piece + WF_RATE_PIECES + 1) * rate->piece);
		break;
	}
	return false;
}

/* Spend so many, in the latest piece; or, less than 0, take them back. */
void
wf_rate_spend(WfRate *rate, int units)
{
	int32	   *last = spent_in(rate, rate->newest);

	if (!wf_rate_is_known(rate))
		return;
	*last = Max(*last + units, 0);
}

/*
 * What was spent at an instant, or shortly before, counts from now on.  What others have
 * spent is like it, so it is looked for from that instant on backwards.
 */
void
wf_rate_move(WfRate *rate, int64 interval, int units, TimestampTz from, TimestampTz now)
{
	int			left = units;

	if (!wf_rate_is_known(rate))
		return;
	turn(rate, interval, now);
	for (int64 piece = Min(from / rate->piece, rate->newest);
		 piece >= rate->newest - WF_RATE_PIECES && left > 0; piece--)
	{
		int			moved = Min(*spent_in(rate, piece), left);

		*spent_in(rate, piece) -= moved;
		left -= moved;
	}
	wf_rate_spend(rate, units);
}

/* Is anything of it still within the interval? */
bool
wf_rate_counts(const WfRate *rate, TimestampTz now)
{
	return wf_rate_is_known(rate) && now / rate->piece - rate->newest <= WF_RATE_PIECES &&
		sum_of(rate) > 0;
}
