/*
 * sensitive.h
 *	  What only the owners of definitions and jobs see.
 */
#ifndef WF_SENSITIVE_H
#define WF_SENSITIVE_H

#include "utils/array.h"

#include "base/mask.h"
#include "definition/definition.h"

extern bool wf_sensitive_hides_of(Oid owner);
extern bool wf_sensitive_hides(const WfDefinition *definition);
extern WfMask *wf_sensitive_mask(const WfDefinition *definition, Datum context);
extern Datum wf_sensitive_show(const WfDefinition *definition, Datum document, Datum context);
extern ArrayType *wf_sensitive_pointers(int n, const char *const *pointers);

#endif							/* WF_SENSITIVE_H */
