/*-------------------------------------------------------------------------
 *
 * file_path.c
 *	  Paths of files: which are taken, and which are the same.
 *
 * Runs in sessions that put files, and wherever files are written: who writes them trusts
 * no database.  Knows no table.  A path is names separated by "/", below a directory that
 * each runtime has for files; it leads nowhere else, on no file system.  Names of all
 * scripts are taken, in Unicode's form NFC, since some file systems give back another one
 * than they were given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

#include "base/quote.h"
#include "file/file_fold.h"
#include "file/file_path.h"

/* The characters of a text in UTF-8, and a 0. */
static pg_wchar *
characters(const char *utf8)
{
	pg_wchar   *result = palloc(sizeof(pg_wchar) * (strlen(utf8) + 1));
	int			n = 0;

	for (const unsigned char *p = (const unsigned char *) utf8; *p != '\0'; p += pg_utf_mblen(p))
		result[n++] = utf8_to_unicode(p);
	result[n] = 0;
	return result;
}

/* The other way round. */
static char *
utf8_of(const pg_wchar *characters)
{
	int			n = 0;
	char	   *result;
	unsigned char *p;

	while (characters[n] != 0)
		n++;
	result = palloc(n * 4 + 1);
	p = (unsigned char *) result;
	for (int i = 0; i < n; i++)
	{
		unicode_to_utf8(characters[i], p);
		p += pg_utf_mblen(p);
	}
	*p = '\0';
	return result;
}

static bool
is_control(pg_wchar c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

/* Is it in the form NFC? */
static bool
is_normal(const pg_wchar *path)
{
	pg_wchar   *normal = unicode_normalize(UNICODE_NFC, path);
	int			i = 0;

	while (path[i] != 0 && normal[i] == path[i])
		i++;
	return path[i] == 0 && normal[i] == 0;
}

/* What is wrong with a name in a path; NULL: nothing. */
static const char *
name_fault(const char *name, size_t length)
{
	if (length == 0)
		return "It has an empty name.";
	if ((length == 1 && name[0] == '.') || (length == 2 && memcmp(name, "..", 2) == 0))
		return "It has \".\" or \"..\" as a name.";
	if (length > WF_FILE_NAME_MAX)
		return "It has a name of more than 255 bytes.";
	if (pg_strncasecmp(name, WF_FILE_PATH_OWN, strlen(WF_FILE_PATH_OWN)) == 0)
		return "Names that begin with \".workflow\" are the runtimes' own.";
	return NULL;
}

static const char *
names_fault(const char *path)
{
	const char *fault = NULL;

	while (fault == NULL)
	{
		size_t		length = strcspn(path, "/");

		fault = name_fault(path, length);
		if (path[length] == '\0')
			break;
		path += length + 1;
	}
	return fault;
}

/*
 * What is wrong with a path in UTF-8, as a whole sentence; NULL: nothing.  Allocates in
 * the current memory context, and throws nothing else.
 */
const char *
wf_file_path_fault(const char *utf8)
{
	size_t		length = strlen(utf8);
	pg_wchar   *path;

	if (length == 0)
		return "It is empty.";
	if (length > WF_FILE_PATH_MAX)
		return "It has more than 1024 bytes.";
	if (!pg_verify_mbstr(PG_UTF8, utf8, (int) length, true))
		return "It is no text in UTF-8.";
	if (utf8[0] == '/' || (isalpha((unsigned char) utf8[0]) && utf8[1] == ':'))
		return "It is absolute.";
	if (strchr(utf8, '\\') != NULL)
		return "It has a backslash.";
	path = characters(utf8);
	for (int i = 0; path[i] != 0; i++)
		if (is_control(path[i]))
			return "It has a control character.";
	if (!is_normal(path))
		return "It is not in Unicode's normalization form NFC.";
	return names_fault(utf8);
}

/*
 * A path that will be taken; error 22023 if it is not.  Returns it as it is compared with
 * others, in UTF-8.
 */
char *
wf_file_path_check(const char *path)
{
	char	   *utf8 = pg_server_to_any(path, (int) strlen(path), PG_UTF8);
	const char *fault = wf_file_path_fault(utf8);
	pg_wchar   *folded;

	if (fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid path of a file \"%s\"", wf_quote(path)),
				 errdetail_internal("%s", fault),
				 errhint("A path is names separated by \"/\", below the directory that each runtime keeps files in.")));
	folded = characters(utf8);
	for (int i = 0; folded[i] != 0; i++)
		folded[i] = wf_file_fold(folded[i]);
	return utf8_of(unicode_normalize(UNICODE_NFC, folded));
}
