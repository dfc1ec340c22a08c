/*-------------------------------------------------------------------------
 *
 * span.c
 *	  Trace contexts, as the W3C has written them down: in which trace, and below which
 *	  span, something happens.
 *
 * Runs in any process, and locks nothing.  A context is a text of 55 characters,
 * version-trace-span-flags.  The spans of processes, steps and runs have no ids that
 * are stored: they follow from the context in which they began and from what they are
 * of.  So whoever asks twice is told the same, and a child knows the id of its parent
 * before that one has ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"

#include "base/span.h"
#include "base/uuid.h"

/* Where the parts of a context begin, and how long they are. */
#define VERSION_AT		0
#define TRACE_AT		3
#define FLAGS_AT		53
#define BYTE_DIGITS		2
#define TRACE_DIGITS	32

/* The flags that have a meaning: sampled, and random trace id. */
#define KNOWN_FLAGS		0x03

static const char digits[] = "0123456789abcdef";

/* n lower-case hexadecimal digits; *zero: are all of them 0? */
static bool
are_digits(const char *text, int n, bool *zero)
{
	*zero = true;
	for (int i = 0; i < n; i++)
	{
		if (text[i] == '\0' || strchr(digits, text[i]) == NULL)
			return false;
		*zero = *zero && text[i] == '0';
	}
	return true;
}

/* The number that two digits are. */
static int
byte_at(const char *text)
{
	return (strchr(digits, text[0]) - digits) * 16 + (strchr(digits, text[1]) - digits);
}

/*
 * Read a value of traceparent into `context`, which has room for WF_SPAN_LENGTH + 1
 * and may be the same.  False: it is none.  One of a higher version may go on behind
 * what we know; it becomes one of ours, without flags that we do not know.
 */
bool
wf_span_read(const char *given, char *context)
{
	size_t		length = strlen(given);
	bool		later;
	bool		zero;
	int			flags;

	if (length < WF_SPAN_LENGTH || given[TRACE_AT - 1] != '-' || given[WF_SPAN_ID_AT - 1] != '-' ||
		given[FLAGS_AT - 1] != '-' || !are_digits(given + VERSION_AT, BYTE_DIGITS, &zero) ||
		byte_at(given + VERSION_AT) == 0xff)
		return false;
	later = !zero;
	if (length > WF_SPAN_LENGTH && (!later || given[WF_SPAN_LENGTH] != '-'))
		return false;
	if (!are_digits(given + TRACE_AT, TRACE_DIGITS, &zero) || zero ||
		!are_digits(given + WF_SPAN_ID_AT, WF_SPAN_ID_DIGITS, &zero) || zero ||
		!are_digits(given + FLAGS_AT, BYTE_DIGITS, &zero))
		return false;
	flags = byte_at(given + FLAGS_AT) & KNOWN_FLAGS;
	memmove(context, given, WF_SPAN_LENGTH);
	context[VERSION_AT] = context[VERSION_AT + 1] = '0';
	context[FLAGS_AT] = '0';
	context[FLAGS_AT + 1] = digits[flags];
	context[WF_SPAN_LENGTH] = '\0';
	return true;
}

/*
 * The context of what happens in a span that began in this context, in memory of the
 * current one: that of the n-th step of a process; n = 0: of a process or a run.  Its
 * id is the first 8 bytes of the SHA-256 of context, id and number, as texts; doc/tracing.md
 * says so.  NULL for NULL.
 */
char *
wf_span_of(const char *context, const pg_uuid_t *id, int32 n)
{
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hashing;
	char	   *text;
	char	   *span;

	if (likely(context == NULL))
		return NULL;
	text = psprintf("%s%s:%d", context, wf_uuid_text(id), n);
	hashing = pg_cryptohash_create(PG_SHA256);
	if (hashing == NULL || pg_cryptohash_init(hashing) < 0 ||
		pg_cryptohash_update(hashing, (const uint8 *) text, strlen(text)) < 0 ||
		pg_cryptohash_final(hashing, hash, sizeof(hash)) < 0)
		elog(ERROR, "could not compute a hash: %s", pg_cryptohash_error(hashing));
	pg_cryptohash_free(hashing);
	span = pstrdup(context);
	for (int i = 0; i < WF_SPAN_ID_DIGITS / BYTE_DIGITS; i++)
	{
		span[WF_SPAN_ID_AT + 2 * i] = digits[hash[i] >> 4];
		span[WF_SPAN_ID_AT + 2 * i + 1] = digits[hash[i] & 0x0f];
	}
	return span;
}
