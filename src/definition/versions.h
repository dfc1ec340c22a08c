/*
 * versions.h
 *	  All versions of a definition.
 */
#ifndef WF_VERSIONS_H
#define WF_VERSIONS_H

#include "definition/definition.h"

extern bool wf_versions_any(const char *name,
							bool (*test) (const WfDefinition *definition, const char *arg),
							const char *arg);

#endif							/* WF_VERSIONS_H */
