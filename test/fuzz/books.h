/*
 * books.h
 *	  A host that keeps books of what it is asked for.
 *
 * What guards answer and actions do depends on the bytes from `bytes.at` on,
 * and everything asked goes into `seen`, so that two machines that are asked
 * the same give the same there.  It insists that what it is asked fits what it
 * was asked before; some answers are a jump to `thrown`.
 */
#ifndef WF_FUZZ_BOOKS_H
#define WF_FUZZ_BOOKS_H

#include <setjmp.h>

#include "author.h"
#include "interpreter/interpret.h"

typedef struct Host
{
	Bytes		bytes;
	WfMachine  *machine;
	const WfChart *chart;
	int			salt;			/* guards of one macrostep are constant */
	int			rest;			/* actions of a macrostep may yet raise */
	uint64		seen;
	uint8		armed[MOST_STATES];
	uint8		invoked[MOST_STATES];
	uint8		started[MOST_STATES];
	int			ends;
	jmp_buf		thrown;
} Host;

extern const WfHost bookkeeper;

/* At rest, after a step that was not thrown out of: does everything fit? */
extern void check_books(Host *host);

#endif							/* WF_FUZZ_BOOKS_H */
