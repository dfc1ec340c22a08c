/*-------------------------------------------------------------------------
 *
 * json_string.c
 *	  Strings as JSON text.
 *
 * Pure C.  PostgreSQL's escape_json() is not available in programs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/json_string.h"

/* Append a string in double quotes, with the escapes that JSON demands. */
void
wf_json_string_write(StringInfo buf, const char *string)
{
	appendStringInfoChar(buf, '"');
	for (const char *p = string; *p; p++)
	{
		switch (*p)
		{
			case '"':
				appendStringInfoString(buf, "\\\"");
				break;
			case '\\':
				appendStringInfoString(buf, "\\\\");
				break;
			case '\n':
				appendStringInfoString(buf, "\\n");
				break;
			case '\t':
				appendStringInfoString(buf, "\\t");
				break;
			default:
				if ((unsigned char) *p < ' ')
					appendStringInfo(buf, "\\u%04x", (unsigned char) *p);
				else
					appendStringInfoCharMacro(buf, *p);
				break;
		}
	}
	appendStringInfoChar(buf, '"');
}
