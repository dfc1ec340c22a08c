/*
 * xstate.h
 *	  A chart as a machine of XState, version 5.
 *
 * Pure, like chart.h.
 */
#ifndef WF_EXPORT_H
#define WF_EXPORT_H

#include "chart/chart.h"

/*
 * The JSON text of a configuration that createMachine() takes.  What has to
 * be implemented, and what could not be said, stands under meta.workflow of
 * the root.  version: of the definition.
 */
extern char *wf_export(const WfChart *chart, int version);

#endif							/* WF_EXPORT_H */
