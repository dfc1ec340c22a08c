/*
 * writer.h
 *	  JSON text, written member by member.
 *
 * Pure, like chart.h.
 */
#ifndef WF_WRITER_H
#define WF_WRITER_H

#include "lib/stringinfo.h"

#include "chart/chart.h"
#include "compiler/list.h"

/* A text that is being written, and the chart that it is about. */
typedef struct WfWriter
{
	const WfChart *chart;
	StringInfoData buf;
	int			nids;			/* authors' ids, sorted; for the canonical form */
	WfNamed    *ids;
	bool		canonical;		/* names of functions as they were resolved, not as
								 * they are shown */
} WfWriter;

extern void wf_writer_comma(WfWriter *w);
extern void wf_writer_key(WfWriter *w, const char *name);
extern void wf_writer_begin(WfWriter *w, char bracket);
extern void wf_writer_end(WfWriter *w, char bracket);
extern void wf_writer_text(WfWriter *w, const char *text);
extern void wf_writer_raw(WfWriter *w, const char *text);
extern void wf_writer_text_member(WfWriter *w, const char *name, const char *text);
extern void wf_writer_raw_member(WfWriter *w, const char *name, const char *text);
extern void wf_writer_texts_member(WfWriter *w, const char *name,
								   const char **strings, int n);

#endif							/* WF_WRITER_H */
