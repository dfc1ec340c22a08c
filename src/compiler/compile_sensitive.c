/*-------------------------------------------------------------------------
 *
 * compile_sensitive.c
 *	  `sensitive` of the root: what is not shown to everybody.
 *
 * Pure C.  A list of JSON pointers (RFC 6901) into the context, in which "*" stands
 * for any member or element.  Whoever could search by such a field could find out
 * what it is, so search attributes that may read one are marked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "compiler/compile_fault.h"
#include "compiler/compile_read.h"
#include "compiler/compile_sensitive.h"

#define MAX_POINTERS	1000

/* --- the pointers --------------------------------------------------------- */

static void
check_pointer(WfCompiler *c, const char *pointer, const WfPath *path)
{
	if (pointer[0] != '/')
	{
		wf_compile_fault(c, path,
						 "Write \"/iban\", or \"/card/number\"; \"/cards/*/number\" is that of each card.",
						 "a JSON pointer begins with \"/\"");
		return;
	}
	if (strlen(pointer) > WF_MAX_NAME_LENGTH)
		wf_compile_fault(c, path, NULL, "longer than %d bytes", WF_MAX_NAME_LENGTH);
	for (const char *p = strchr(pointer, '~'); p != NULL; p = strchr(p + 1, '~'))
		if (p[1] != '0' && p[1] != '1')
		{
			wf_compile_fault(c, path, "\"~0\" stands for \"~\", and \"~1\" for \"/\".",
							 "in a JSON pointer, \"~\" is followed by 0 or 1");
			return;
		}
}

/*
 * Read the next name of a pointer, which is behind *pointer, into `name`, which has
 * room for it; false at the end.
 */
static bool
next_name(const char **pointer, char *name)
{
	const char *p = *pointer;

	if (*p != '/')
		return false;
	for (p++; *p != '\0' && *p != '/'; p++)
	{
		if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
			*name++ = *++p == '0' ? '~' : '/';
		else
			*name++ = *p;
	}
	*name = '\0';
	*pointer = p;
	return true;
}

/* --- search attributes ---------------------------------------------------- */

/* Is a path of SQL/JSON of the form $.a.b? */
static bool
is_plain(const char *path)
{
	if (*path++ != '$')
		return false;
	for (; *path != '\0'; path++)
		if (!isalnum((unsigned char) *path) && *path != '_' && !IS_HIGHBIT_SET(*path) &&
			(*path != '.' || path[1] == '.' || path[1] == '\0'))
			return false;
	return true;
}

/* Does one of the two, a plain path and a pointer, lead to what the other is in? */
static bool
overlap(const char *path, const char *pointer)
{
	char	   *name = palloc(strlen(pointer) + 1);

	for (path++; *path == '.' && next_name(&pointer, name);)
	{
		size_t		len = strcspn(path + 1, ".");

		if (strcmp(name, "*") != 0 && (strlen(name) != len || strncmp(name, path + 1, len) != 0))
			return false;
		path += 1 + len;
	}
	return true;
}

static bool
is_of_name(char c)
{
	return isalnum((unsigned char) c) || c == '_' || IS_HIGHBIT_SET(c);
}

/* Does a text have this name, which is not part of a longer one? */
static bool
has_name(const char *text, const char *name)
{
	size_t		len = strlen(name);

	for (const char *p = strstr(text, name); p != NULL && *p != '\0'; p = strstr(p + 1, name))
		if ((p == text || !is_of_name(p[-1])) && !is_of_name(p[len]))
			return true;
	return false;
}

/*
 * May an expression, or a path that is not plain, read what a pointer names?  What it
 * reads is not known here: it may if it has one of those names, or names nothing.
 */
static bool
may_read(const char *text, const char *pointer)
{
	char	   *name = palloc(strlen(pointer) + 1);

	if (strchr(text, '\'') == NULL && strchr(text, '.') == NULL)
		return true;
	while (next_name(&pointer, name))
		if (strcmp(name, "*") != 0 && has_name(text, name))
			return true;
	return strstr(text, ".*") != NULL;
}

static bool
may_show(const WfAttribute *attribute, const char *pointer)
{
	if (attribute->expr != NULL)
		return may_read(attribute->expr->text, pointer);
	return is_plain(attribute->jsonpath) ? overlap(attribute->jsonpath, pointer) :
		may_read(attribute->jsonpath, pointer);
}

/* --- all of it ------------------------------------------------------------ */

/*
 * Compile the root's `sensitive`: ["/iban", "/card/number"].  `search` has been
 * compiled.
 */
void
wf_compile_sensitive(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfChart    *chart = c->chart;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_ARRAY))
		return;
	if (json->n > MAX_POINTERS)
	{
		wf_compile_fault(c, path, NULL, "more than %d pointers", MAX_POINTERS);
		return;
	}
	chart->sensitive = palloc((json->n + 1) * sizeof(char *));
	for (int i = 0; i < json->n; i++)
	{
		const WfPath *at = WF_AT_INDEX(path, i);

		if (!wf_compile_read_expect(c, json->items[i], at, WF_JSON_STRING))
			continue;
		check_pointer(c, json->items[i]->text, at);
		chart->sensitive[chart->nsensitive++] = json->items[i]->text;
		for (int a = 0; a < chart->nattributes; a++)
			if (may_show(&chart->attributes[a], json->items[i]->text))
				chart->attributes[a].sensitive = true;
	}
	c->features[WF_HAS_SENSITIVE] = chart->nsensitive > 0;
}
