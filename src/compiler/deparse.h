/*
 * deparse.h
 *	  A chart written back as a definition, in canonical form.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DEPARSE_H
#define WF_DEPARSE_H

#include "chart/chart.h"
#include "compiler/writer.h"

/* Writes the transitions of a handler, under the key that it has in `on`. */
typedef void (*WfDeparseHandler) (void *arg, const WfState *state,
								  const WfHandler *handler);

extern const WfHandler *wf_deparse_handler(const WfState *state, const char *event);
extern const WfHandler *wf_deparse_handler_from(const WfState *state, const char *event,
												int *from);
extern void wf_deparse_on(WfWriter *w, const WfState *state,
						  WfDeparseHandler write, void *arg);
extern char *wf_deparse(const WfChart *chart);

#endif							/* WF_DEPARSE_H */
