/*-------------------------------------------------------------------------
 *
 * texts.c
 *	  Texts for people, in several languages.
 *
 * Pure C.  A key is "title" or "description", and may go on with a colon and a language
 * tag as of BCP 47: "title:de", "title:pt-BR".
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/texts.h"

/* Parts of a language tag are so long at most. */
#define LONGEST_SUBTAG	8

/* Longest tag that is looked for. */
#define LONGEST_TAG		100

static const char *const names[] = {"title", "description"};

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Is this a language tag: parts of letters and digits, the first one of letters only? */
static bool
is_tag(const char *tag)
{
	int			len = 0;
	bool		first = true;

	for (; *tag != '\0'; tag++)
	{
		if (*tag == '-' && len > 0)
		{
			first = false;
			len = 0;
		}
		else if ((!is_letter(*tag) && (first || *tag < '0' || *tag > '9')) ||
				 ++len > LONGEST_SUBTAG)
			return false;
	}
	return len > 0;
}

/* Is this the key of a text: a name of ours, perhaps with a language? */
bool
wf_texts_is_key(const char *key)
{
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		size_t		len = strlen(names[i]);

		if (strncmp(key, names[i], len) == 0 &&
			(key[len] == '\0' || (key[len] == ':' && is_tag(key + len + 1))))
			return true;
	}
	return false;
}

/* Add a text under a key that is not among them, in the current memory context. */
void
wf_texts_add(WfTexts *texts, const char *key, const char *text)
{
	const char **keys = palloc(sizeof(char *) * (texts->n + 1));
	const char **values = palloc(sizeof(char *) * (texts->n + 1));
	int			place = 0;

	while (place < texts->n && strcmp(texts->keys[place], key) < 0)
		place++;
	for (int i = 0; i < texts->n; i++)
	{
		keys[i + (i >= place)] = texts->keys[i];
		values[i + (i >= place)] = texts->texts[i];
	}
	keys[place] = key;
	values[place] = text;
	texts->keys = keys;
	texts->texts = values;
	texts->n++;
}

/* The text under exactly this key, in whatever case; NULL: none. */
static const char *
text_of(const WfTexts *texts, const char *key)
{
	for (int i = 0; i < texts->n; i++)
		if (pg_strcasecmp(texts->keys[i], key) == 0)
			return texts->texts[i];
	return NULL;
}

/*
 * The text of this name for a language, or NULL: for "de-AT" that of "de-AT", else of
 * "de", else the one without a language.  language: NULL for the last; "de_AT" will do.
 */
const char *
wf_texts_find(const WfTexts *texts, const char *name, const char *language)
{
	char		tag[LONGEST_TAG + 1];

	strlcpy(tag, language == NULL ? "" : language, sizeof(tag));
	for (char *c = tag; *c != '\0'; c++)
		if (*c == '_')
			*c = '-';
	while (texts->n > 0 && tag[0] != '\0')
	{
		const char *text = text_of(texts, psprintf("%s:%s", name, tag));
		char	   *end = strrchr(tag, '-');

		if (text != NULL)
			return text;
		*(end != NULL ? end : tag) = '\0';
	}
	return text_of(texts, name);
}
