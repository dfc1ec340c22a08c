/*
 * note.h
 *	  What operators do is noted, for workflow.audit.
 */
#ifndef WF_NOTE_H
#define WF_NOTE_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "job/job.h"
#include "process/process.h"

extern void wf_note_process(const char *act, WfProcess *process, const char *actor,
							const char *note, Jsonb *detail);
extern void wf_note_run(const char *act, const pg_uuid_t *id, int32 job, const char *actor,
						Jsonb *detail);
extern void wf_note_object(const char *act, const char *kind, const char *name, int32 owner,
						   const char *note, Jsonb *detail);
extern void wf_note_runs(const char *act, const char *job, Jsonb *detail, int64 count);
extern void wf_note_database(const char *act, Jsonb *detail);
extern Jsonb *wf_note_changes(Jsonb *changes);
extern Jsonb *wf_note_number(int64 number);
extern Jsonb *wf_note_detail(const char *key, Jsonb *value);

#endif							/* WF_NOTE_H */
