/*
 * quote.h
 *	  Texts of callers, as messages quote them.
 */
#ifndef WF_QUOTE_H
#define WF_QUOTE_H

extern const char *wf_quote(const char *text);
extern const char *wf_quote_part(const char *text, int length);
extern const char *wf_quote_plain(const char *text);
extern const char *wf_quote_list(const char *list, const char *name, bool last);

#endif							/* WF_QUOTE_H */
