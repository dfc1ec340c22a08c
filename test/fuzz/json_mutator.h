/*
 * json_mutator.h
 *	  Changes of a JSON text that leave it JSON.
 */
#ifndef WF_FUZZ_JSON_MUTATOR_H
#define WF_FUZZ_JSON_MUTATOR_H

/*
 * Change one to four things in a text, at random (seed): subtrees are moved,
 * copied, removed, exchanged, replaced by others; also by parts of donor, a
 * second text, which may be NULL.  The result is written to out and its length
 * returned; 0 when the text is no JSON or the result does not fit.
 */
extern size_t wf_mutate_json(const char *text, size_t len,
							 const char *donor, size_t donor_len,
							 char *out, size_t max, unsigned int seed);

#endif							/* WF_FUZZ_JSON_MUTATOR_H */
