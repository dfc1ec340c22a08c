/*
 * quote.h
 *	  What callers gave us, as messages quote it.
 */
#ifndef WF_QUOTE_H
#define WF_QUOTE_H

/*
 * `text`, or a copy that ends in "..." after so many bytes as a reader of a
 * message wants to see of it: the name of nothing may be a megabyte.  Never
 * ends inside of a character.  No errors, no locks.
 */
extern const char *wf_quoted(const char *text);

/* The same of `length` bytes that no zero follows; always a copy. */
extern const char *wf_quoted_part(const char *text, int length);

#endif							/* WF_QUOTE_H */
