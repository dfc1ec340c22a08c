/*
 * pause.h
 *	  Paused definitions, all of whose processes rest.
 */
#ifndef WF_PAUSE_H
#define WF_PAUSE_H

#include "definition/definition.h"
#include "store/process_row.h"

extern bool wf_pause_look(void);
extern bool wf_pause_is_on(const WfDefinition *definition);
extern void wf_pause_refuse(const WfDefinition *definition);
extern bool wf_pause_begin(const WfDefinition *definition);
extern bool wf_pause_end(const WfDefinition *definition);
extern void wf_pause_hand_over(const char *definition, int32 owner);
extern void wf_pause_drop(const char *definition);
extern void wf_pause_noting(int32 owner);
extern bool wf_pause_is_over(int32 owner);
extern int	wf_pause_bring_back(int32 owner, int limit);
extern void wf_pause_overtaken(int32 owner, int n, WfRow **rows);

#endif							/* WF_PAUSE_H */
