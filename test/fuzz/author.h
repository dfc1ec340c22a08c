/*
 * author.h
 *	  Bytes, read as a row of decisions; a chart, made from those.
 */
#ifndef WF_FUZZ_AUTHOR_H
#define WF_FUZZ_AUTHOR_H

#include <stdint.h>

#define MOST_STATES		48		/* of a chart */

typedef struct Bytes
{
	const uint8_t *data;
	size_t		size;
	size_t		at;
} Bytes;

/* One of n choices; the first when the bytes have run out. */
static inline int
choose(Bytes *bytes, int n)
{
	return bytes->at < bytes->size ? bytes->data[bytes->at++] % n : 0;
}

static inline bool
one_in(Bytes *bytes, int n)
{
	return choose(bytes, n) == n - 1;
}

/* Events that such charts have handlers for. */
#define EVENT_NAMES		7
extern const char *const event_names[EVENT_NAMES];

/* The text of a definition.  Few have faults. */
extern const char *write_definition(Bytes *bytes);

#endif							/* WF_FUZZ_AUTHOR_H */
