/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  Texts on their way to another server, and from there.
 *
 * Runs in the courier.  On the line all is UTF-8: it can say whatever either database has,
 * so that a character that only one of them has is trouble of the one run that has it, and
 * not of the statement that claims it among others.  Nothing here throws an error because
 * of a text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "base/quote.h"
#include "remote/wire.h"
#include "store/transaction.h"

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (IS_HIGHBIT_SET(*text))
			return false;
	return true;
}

/* From one encoding to another, in a transaction; NULL: there are characters that it lacks. */
static const char *
convert(const char *text, int from, int to)
{
	Size		length = strlen(text);
	Size		room = length * MAX_CONVERSION_GROWTH + 1;
	Oid			function = FindDefaultConversionProc(from, to);
	unsigned char *copy;

	if (!OidIsValid(function) || length > PG_INT32_MAX / MAX_CONVERSION_GROWTH)
		return NULL;
	copy = MemoryContextAllocHuge(CurrentMemoryContext, room);
	if (pg_do_encoding_conversion_buf(function, from, to, (unsigned char *) unconstify(char *, text), (int) length,
									  copy, (int) room, true) == (int) length)
		return (char *) copy;
	pfree(copy);
	return NULL;
}

/*
 * A text of the other server in the encoding of this database, in a transaction; NULL: it
 * cannot be.  What needs no conversion is not copied.
 */
const char *
wf_wire_in(const char *text)
{
	int			encoding = GetDatabaseEncoding();

	if (is_ascii(text))
		return text;
	/* who has no encoding does not know what it says */
	if (!pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
		return NULL;
	return encoding == PG_UTF8 || encoding == PG_SQL_ASCII ? text : convert(text, PG_UTF8, encoding);
}

/* A text of this database for the other server.  With a transaction open or not. */
const char *
wf_wire_out(const char *text)
{
	int			encoding = GetDatabaseEncoding();
	MemoryContext context = CurrentMemoryContext;
	const char *out = text;
	bool		begun = false;

	if (is_ascii(text))
		return text;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pg_verify_mbstr(PG_UTF8, text, strlen(text), true) ? text : wf_quote_plain(text);
	if (!IsTransactionState())
	{
		if (!wf_transaction_begin("converting what is told", InvalidOid))
			return wf_quote_plain(text);
		begun = true;
		MemoryContextSwitchTo(context);
	}
	out = convert(text, encoding, PG_UTF8);
	if (begun)
		wf_transaction_commit();
	MemoryContextSwitchTo(context);
	return out == NULL ? wf_quote_plain(text) : out;
}
