/*-------------------------------------------------------------------------
 *
 * compile_fault.c
 *	  What the compiler finds wrong with a definition.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/diagnostic.h"
#include "chart/path.h"
#include "compiler/compile_fault.h"
#include "compiler/compiler.h"

void
wf_compile_fault(WfCompiler *c, const WfPath *path, const char *hint,
				 const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	wf_diagnostic_fault(c->faults, wf_path_text(path), hint, "%s",
						wf_diagnostic_format(fmt, args));
	va_end(args);
}

/* Something without effect that does no harm: the chart tells of it. */
void
wf_compile_fault_warning(WfCompiler *c, const WfPath *path, const char *hint,
						 const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	wf_diagnostic_fault(&c->chart->warnings, wf_path_text(path), hint, "%s",
						wf_diagnostic_format(fmt, args));
	va_end(args);
}
