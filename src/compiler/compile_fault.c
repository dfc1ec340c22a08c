/*-------------------------------------------------------------------------
 *
 * compile_fault.c
 *	  Faults and warnings of the compiler.
 *
 * Pure C.
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

/*
 * Add a fault at a path to c->faults, with a hint or NULL.  The message is
 * lower case and has no full stop; its subject may be what stands at the
 * path.
 */
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

/*
 * Add a warning at a path to the chart, with a hint or NULL: about something
 * that is legal and does no harm, but has no effect or is hardly intended.
 * lint() shows it.
 */
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
