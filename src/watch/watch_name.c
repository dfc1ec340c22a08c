/*-------------------------------------------------------------------------
 *
 * watch_name.c
 *	  Names of files, as the database and as the disk has them.
 *
 * Runs in a transaction: to convert a text, catalogs are read.  On disks names are taken as
 * UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "watch/watch_name.h"

/* A name as the disk has it. */
char *
wf_watch_name_to_utf8(const char *name)
{
	return pg_server_to_any(name, (int) strlen(name), PG_UTF8);
}

/* A name as the database has it; NULL: its encoding has no such characters. */
const char *
wf_watch_name_from_utf8(const char *utf8)
{
	int			encoding = GetDatabaseEncoding();
	int			length = (int) strlen(utf8);
	int			size = length * MAX_CONVERSION_GROWTH + 1;
	unsigned char *name;
	Oid			function;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return utf8;
	function = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(function))
		return NULL;
	name = palloc(size);
	if (pg_do_encoding_conversion_buf(function, PG_UTF8, encoding, (unsigned char *) unconstify(char *, utf8), length,
									  name, size, true) < length)
		return NULL;
	return (const char *) name;
}

/* The path of a file. */
char *
wf_watch_name_path(const char *directory, const char *name)
{
	return psprintf("%s/%s", directory, name);
}
