/*-------------------------------------------------------------------------
 *
 * time_set.c
 *	  Times of a day: each of some hours, at some minutes, at some seconds.
 *
 * A set has up to 86,400 members.  None of these functions goes through them:
 * they count bits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/pg_bitutils.h"

#include "recurrence/time_set.h"

/* The lowest bit that is not below n, -1 if there is none. */
static int
bit_from(uint64 bits, int n)
{
	bits = n < 64 ? bits >> n << n : 0;
	return bits == 0 ? -1 : pg_rightmost_one_pos64(bits);
}

/* How many bits there are below n, which is less than 64. */
static int
bits_below(uint64 bits, int n)
{
	return pg_popcount64(bits & ((UINT64CONST(1) << n) - 1));
}

/* The n-th bit, from 0. */
static int
nth_bit(uint64 bits, int n)
{
	while (n-- > 0)
		bits &= bits - 1;
	return pg_rightmost_one_pos64(bits);
}

static int
second_of(int hour, int minute, int second)
{
	return hour * SECS_PER_HOUR + minute * SECS_PER_MINUTE + second;
}

/* How many times a set has. */
int
wf_time_set_count(const WfTimeSet *set)
{
	return pg_popcount64(set->hours) * pg_popcount64(set->minutes) * pg_popcount64(set->seconds);
}

/* The first time that is not before a second of the day, -1 if there is none. */
int
wf_time_set_next(const WfTimeSet *set, int second)
{
	int			hour = second / SECS_PER_HOUR;
	int			minute = second / SECS_PER_MINUTE % MINS_PER_HOUR;

	if (bit_from(set->hours, hour) == hour)
	{
		int			found = bit_from(set->seconds, second % SECS_PER_MINUTE);

		if (found >= 0 && bit_from(set->minutes, minute) == minute)
			return second_of(hour, minute, found);
		found = bit_from(set->minutes, minute + 1);
		if (found >= 0)
			return second_of(hour, found, bit_from(set->seconds, 0));
	}
	hour = bit_from(set->hours, hour + 1);
	if (hour < 0)
		return -1;
	return second_of(hour, bit_from(set->minutes, 0), bit_from(set->seconds, 0));
}

/* The n-th time of the set, from 0. */
int
wf_time_set_at(const WfTimeSet *set, int n)
{
	int			seconds = pg_popcount64(set->seconds);
	int			minutes = pg_popcount64(set->minutes);

	return second_of(nth_bit(set->hours, n / (minutes * seconds)),
					 nth_bit(set->minutes, n / seconds % minutes),
					 nth_bit(set->seconds, n % seconds));
}

/* How many times are before a second of the day. */
int
wf_time_set_before(const WfTimeSet *set, int second)
{
	int			hour = second / SECS_PER_HOUR;
	int			minute = second / SECS_PER_MINUTE % MINS_PER_HOUR;
	int			seconds = pg_popcount64(set->seconds);
	int			n = bits_below(set->hours, hour) * pg_popcount64(set->minutes) * seconds;

	if (bit_from(set->hours, hour) != hour)
		return n;
	n += bits_below(set->minutes, minute) * seconds;
	if (bit_from(set->minutes, minute) != minute)
		return n;
	return n + bits_below(set->seconds, second % SECS_PER_MINUTE);
}
