/*
 * span.h
 *	  Trace contexts, as the W3C has written them down: in which trace, and below which
 *	  span, something happens.
 */
#ifndef WF_SPAN_H
#define WF_SPAN_H

#include "utils/uuid.h"

/* Bytes of a context as we keep it: 00-TRACE-SPAN-FLAGS. */
#define WF_SPAN_LENGTH	55

/* Where the id of the span is in it. */
#define WF_SPAN_ID_AT		36
#define WF_SPAN_ID_DIGITS	16

/* What is told of a value that is none. */
#define WF_SPAN_HINT \
	"It is version-trace-span-flags, as in \"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\":" \
	" 2, 32, 16 and 2 lower-case hexadecimal digits; neither trace nor span is all zeroes."

extern bool wf_span_read(const char *given, char *context);
extern char *wf_span_of(const char *context, const pg_uuid_t *id, int32 n);

#endif							/* WF_SPAN_H */
