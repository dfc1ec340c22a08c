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
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/uuid.h"

/*
 * Make a UUID of version 7 (RFC 9562), which sorts by the time it was made: 48
 * bits of milliseconds, 12 bits of a slot, by which work can be divided for ever
 * without looking at anything but the id, 12 bits of a millisecond's fraction, then
 * random bits.  slot: 0 to WF_UUID_SLOTS - 1, or WF_UUID_ANY_SLOT for a random
 * one; WF_UUID_NO_SLOT: the fraction stands in its place.  Within a millisecond and slot the UUIDs of one backend always increase,
 * also within one tick of the clock; from one millisecond to the next they do
 * after the clock was set back, too.
 */
void
wf_uuid_make(pg_uuid_t *id, int slot)
{
	static uint64 last = 0;
	uint64		us = (uint64) (GetCurrentTimestamp() +
							   (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) *
							   SECS_PER_DAY * USECS_PER_SEC);
	uint64		ticks = (us / 1000) << 12 | ((us % 1000) << 12) / 1000;

	if (ticks <= last)
		ticks = last + 1;
	last = ticks;

	if (!pg_strong_random(id->data + 6, UUID_LEN - 6))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (ticks >> (52 - 8 * i));
	if (slot == WF_UUID_NO_SLOT)
		slot = ticks & 0xfff;
	if (slot != WF_UUID_ANY_SLOT)
	{
		id->data[6] = (unsigned char) (slot >> 8);
		id->data[7] = (unsigned char) slot;
	}
	id->data[6] = 0x70 | (id->data[6] & 0x0f);
	id->data[8] = 0x80 | ((ticks >> 6) & 0x3f);
	id->data[9] = (unsigned char) ((ticks & 0x3f) << 2) | (id->data[9] & 0x03);
}

/* The slot that an id carries. */
int
wf_uuid_slot(const pg_uuid_t *id)
{
	return (id->data[6] & 0x0f) << 8 | id->data[7];
}

/*
 * The slot of a process with this key, len bytes in the encoding of the database:
 * the first bits of SHA-256 of the key in UTF-8, so that it is the same in every
 * database, and anybody can compute it.  In SQL_ASCII nobody knows what the bytes
 * mean; they are taken as they are.
 */
int
wf_uuid_slot_of_key(const char *key, int len)
{
	char	   *utf8 = GetDatabaseEncoding() == PG_SQL_ASCII ? unconstify(char *, key) :
		pg_server_to_any(key, len, PG_UTF8);
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	if (hash == NULL || pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) utf8, utf8 == key ? (size_t) len : strlen(utf8)) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 of a key: %s", pg_cryptohash_error(hash))));
	pg_cryptohash_free(hash);
	return digest[0] << 4 | digest[1] >> 4;
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
