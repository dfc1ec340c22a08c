/*
 * compile_fault.h
 *	  Faults and warnings of the compiler.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_FAULT_H
#define WF_COMPILE_FAULT_H

#include "chart/path.h"
#include "compiler/compiler.h"

extern void wf_compile_fault(WfCompiler *c, const WfPath *path,
							 const char *hint, const char *fmt,...)
			pg_attribute_printf(4, 5);
extern void wf_compile_fault_warning(WfCompiler *c, const WfPath *path,
									 const char *hint, const char *fmt,...)
			pg_attribute_printf(4, 5);

#endif							/* WF_COMPILE_FAULT_H */
