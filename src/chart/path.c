/*-------------------------------------------------------------------------
 *
 * path.c
 *	  Paths that tell where in a JSON document something is.
 *
 * Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/json_string.h"
#include "chart/path.h"

/* Can a key be written behind a dot? */
static bool
is_plain_key(const char *key)
{
	if (!(isalpha((unsigned char) *key) || *key == '_' || *key == '$' ||
		  IS_HIGHBIT_SET(*key)))
		return false;
	for (; *key; key++)
		if (!(isalnum((unsigned char) *key) || *key == '_' || *key == '$' ||
			  IS_HIGHBIT_SET(*key)))
			return false;
	return true;
}

/*
 * Append a step into an object to the text of a path: ".key", or ["odd key"]
 * if the key has characters that a path does not allow.
 */
void
wf_path_append_key(StringInfo buf, const char *key)
{
	if (is_plain_key(key))
		appendStringInfo(buf, ".%s", key);
	else
	{
		appendStringInfoChar(buf, '[');
		wf_json_string_write(buf, key);
		appendStringInfoChar(buf, ']');
	}
}

static void
append_path(StringInfo buf, const WfPath *path)
{
	if (path->up == NULL)
	{
		appendStringInfoString(buf, path->key);
		return;
	}
	append_path(buf, path->up);
	if (path->key == NULL)
		appendStringInfo(buf, "[%d]", path->index);
	else
		wf_path_append_key(buf, path->key);
}

/* Return a path as text, in the current memory context. */
char *
wf_path_text(const WfPath *path)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_path(&buf, path);
	return buf.data;
}
