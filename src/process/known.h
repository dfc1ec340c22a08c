/*
 * known.h
 *	  Events that no version of a definition knows.
 */
#ifndef WF_KNOWN_H
#define WF_KNOWN_H

#include "definition/definition.h"
#include "process/process.h"

extern bool wf_known_event(const WfProcess *process, const char *event);
extern bool wf_known_to(const WfDefinition *definition, const char *event);
extern void wf_known_tell(const char *definition, const char *event, bool refuse);

#endif							/* WF_KNOWN_H */
