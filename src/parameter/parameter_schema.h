/*
 * parameter_schema.h
 *	  Parameters as JSON Schema.
 */
#ifndef WF_PARAMETER_SCHEMA_H
#define WF_PARAMETER_SCHEMA_H

#include "parameter/parameters.h"

extern Jsonb *wf_parameter_schema(const WfParameters *parameters, const char *title,
								  const char *description, const char *language);

#endif							/* WF_PARAMETER_SCHEMA_H */
