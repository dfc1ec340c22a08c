/*
 * deparse.h
 *	  A chart written back as a definition, in canonical form.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DEPARSE_H
#define WF_DEPARSE_H

#include "chart/chart.h"

extern const WfHandler *wf_deparse_handler(const WfState *state, const char *event);
extern bool wf_deparse_has_own_place(const WfState *state, const char *event);
extern char *wf_deparse(const WfChart *chart);

#endif							/* WF_DEPARSE_H */
