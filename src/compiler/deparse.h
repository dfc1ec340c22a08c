/*
 * deparse.h
 *	  What the rooms that write definitions share: the canonical form, and the
 *	  export, which takes its JSON and its values from here; nobody else
 *	  includes it.
 */
#ifndef WF_DEPARSE_H
#define WF_DEPARSE_H

#include "chart/chart.h"

extern const WfHandler *wf_deparse_handler(const WfState *state, const char *event);
extern bool wf_deparse_has_own_place(const WfState *state, const char *event);
extern char *wf_deparse(const WfChart *chart);

#endif							/* WF_DEPARSE_H */
