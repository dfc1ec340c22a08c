/*
 * texts.h
 *	  Texts for people, in several languages.
 *
 * Pure, like chart.h.
 */
#ifndef WF_TEXTS_H
#define WF_TEXTS_H

/* What is written under "title", "title:de", "description"; sorted by keys. */
typedef struct WfTexts
{
	int			n;
	const char **keys;
	const char **texts;
} WfTexts;

extern bool wf_texts_is_key(const char *key);
extern void wf_texts_add(WfTexts *texts, const char *key, const char *text);
extern const char *wf_texts_find(const WfTexts *texts, const char *name, const char *language);

#endif							/* WF_TEXTS_H */
