/*-------------------------------------------------------------------------
 *
 * path.c
 *	  Where in a JSON document something stands.
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

/* Append ".key" or "["odd key"]" to a path's text. */
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

/* The path as text, in new memory. */
char *
wf_path_text(const WfPath *path)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_path(&buf, path);
	return buf.data;
}
