/*
 * compile.h
 *	  From a definition's JSON text to a chart, or to the list of its faults.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_H
#define WF_COMPILE_H

#include "chart/chart.h"
#include "chart/diagnostic.h"

/*
 * Compile a definition.
 *
 * text, len: JSON (need not be terminated) in the server's encoding, UTF-8.
 * faults: every fault is added, none hides another; must be zeroed before.
 *
 * Returns the chart, or NULL when there is at least one fault.  Allocates in
 * the current memory context and frees nothing.  Never throws but for lack of
 * memory, and when it is cancelled.
 */
extern WfChart *wf_compile(const char *text, int len, WfFaults *faults);

/*
 * The same, but with faults there is a chart too, as far as it goes (NULL when
 * the text is no JSON): its expressions and delays can be looked at for
 * further faults, nothing else.
 */
extern WfChart *wf_compile_faulty(const char *text, int len, WfFaults *faults);

/*
 * The canonical form of a definition: the same chart written with no
 * shorthand (lists everywhere, actions as objects, absolute "#name" targets),
 * keys in a fixed order, states in document order.  wf_compile() of it gives
 * an equal chart; canonical of canonical is the same text.
 */
extern char *wf_canonical(const WfChart *chart);

#endif							/* WF_COMPILE_H */
