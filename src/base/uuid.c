/*-------------------------------------------------------------------------
 *
 * uuid.c
 *	  UUIDs, the ids of processes: make, read and write them.
 *
 * Runs in any backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/uuid.h"

/*
 * Make a UUID of version 7 (RFC 9562, method 3 of section 6.2), which sorts
 * by the time it was made: 48 bits of milliseconds, 12 bits of a
 * millisecond's fraction, then random bits.  The UUIDs of one backend always
 * increase, also within one tick of the clock and after the clock was set
 * back.
 */
void
wf_uuid_make(pg_uuid_t *id)
{
	static uint64 last = 0;
	uint64		us = (uint64) (GetCurrentTimestamp() +
							   (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
							   SECS_PER_DAY * USECS_PER_SEC);
	uint64		ticks = (us / 1000) << 12 | ((us % 1000) << 12) / 1000;

	if (ticks <= last)
		ticks = last + 1;
	last = ticks;

	if (!pg_strong_random(id->data + 8, UUID_LEN - 8))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (ticks >> (52 - 8 * i));
	id->data[6] = 0x70 | ((ticks >> 8) & 0x0f);
	id->data[7] = ticks & 0xff;
	id->data[8] = 0x80 | (id->data[8] & 0x3f);
}

/* When a UUID that wf_uuid_make() has made was made, to the millisecond below. */
TimestampTz
wf_uuid_time(const pg_uuid_t *id)
{
	uint64		ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->data[i];
	return (TimestampTz) (ms * 1000) -
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * USECS_PER_SEC;
}

/*
 * Parse a UUID in the usual form, 8-4-4-4-12 digits.  Returns false, without
 * an error, if the text has another form.
 */
bool
wf_uuid_parse(const char *text, pg_uuid_t *id)
{
	int			digits = 0;

	for (const char *c = text; *c; c++)
	{
		if (isxdigit((unsigned char) *c))
			digits++;
		else if (*c != '-')
			return false;
	}
	if (digits != 2 * UUID_LEN || strlen(text) != 36 || text[8] != '-' ||
		text[13] != '-' || text[18] != '-' || text[23] != '-')
		return false;
	*id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
	return true;
}

/*
 * Return a UUID as text, as uuid_out() does, which takes several times as
 * long.
 */
char *
wf_uuid_text(const pg_uuid_t *id)
{
	static const char digits[] = "0123456789abcdef";
	char	   *text = palloc(2 * UUID_LEN + 4 + 1);
	char	   *end = text;

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*end++ = '-';
		*end++ = digits[id->data[i] >> 4];
		*end++ = digits[id->data[i] & 0x0f];
	}
	*end = '\0';
	return text;
}

/* A uuid[] of n ids, in the current memory context. */
ArrayType *
wf_uuid_array(Datum *ids, int n)
{
	return construct_array(ids, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR);
}
