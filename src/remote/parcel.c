/*-------------------------------------------------------------------------
 *
 * parcel.c
 *	  A run of another server that is to be done here.
 *
 * Runs in the courier, which claims it and writes it into a segment of shared memory, and
 * in the executor, which reads it there.  Everything is text: each of them reads what it
 * needs, and what does not make sense is an error of that run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/uuid.h"
#include "remote/parcel.h"
#include "remote/wire.h"

static const char *const columns[] = {
	[WF_PARCEL_run] = "run",
	[WF_PARCEL_fence] = "fence",
	[WF_PARCEL_job] = "job",
	[WF_PARCEL_version] = "version",
	[WF_PARCEL_params] = "params",
	[WF_PARCEL_key] = "key",
	[WF_PARCEL_partition] = "partition",
	[WF_PARCEL_attempt] = "attempt",
	[WF_PARCEL_owner] = "owner",
	[WF_PARCEL_mode] = "mode",
	[WF_PARCEL_command] = "command",
	[WF_PARCEL_timeout] = "timeout",
	[WF_PARCEL_round] = "round",
	[WF_PARCEL_types] = "types",
	[WF_PARCEL_tenant] = "tenant",
	[WF_PARCEL_position] = "position",
	[WF_PARCEL_traceparent] = "traceparent",
	[WF_PARCEL_checkpoints] = "checkpoints"
};

StaticAssertDecl(lengthof(columns) == WF_PARCEL_FIELDS, "each field has a column");

/* What is not text of it.  False: it makes no sense. */
static bool
understand(WfParcel *parcel)
{
	const char *run = parcel->fields[WF_PARCEL_run];
	const char *fence = parcel->fields[WF_PARCEL_fence];
	const char *round = parcel->fields[WF_PARCEL_round];
	const char *position = parcel->fields[WF_PARCEL_position];
	uint32		high = 0;
	uint32		low = 0;

	if (run == NULL || fence == NULL || parcel->fields[WF_PARCEL_job] == NULL || !wf_uuid_parse(run, &parcel->run))
		return false;
	parcel->fence = strtoi64(fence, NULL, 10);
	parcel->round = round == NULL ? 0 : atoi(round);
	if (position != NULL && sscanf(position, "%X/%X", &high, &low) != 2)
		return false;
	parcel->position = ((uint64) high << 32) | low;
	return true;
}

/* A row of claim_placed(), which lives as long as the answer.  False: it makes no sense. */
bool
wf_parcel_read(const PGresult *answer, int row, WfParcel *parcel)
{
	for (int i = 0; i < WF_PARCEL_FIELDS; i++)
		parcel->fields[i] = wf_line_column(answer, row, columns[i]);
	return understand(parcel);
}

/*
 * Have its texts in the encoding of this database, in the current memory context; in a
 * transaction.  False: there are characters that it does not have.
 */
bool
wf_parcel_decode(WfParcel *parcel)
{
	for (int i = 0; i < WF_PARCEL_FIELDS; i++)
	{
		const char *text = parcel->fields[i];

		if (text != NULL && (parcel->fields[i] = wf_wire_in(text)) == NULL)
		{
			/* so much as is needed to say so */
			parcel->fields[i] = text;
			return false;
		}
	}
	return true;
}

/* May its command commit, and is it to be done once the claim is known? */
bool
wf_parcel_is_tracked(const WfParcel *parcel)
{
	const char *mode = parcel->fields[WF_PARCEL_mode];

	return mode != NULL && strcmp(mode, "tracked") == 0;
}

/* Write a run into a segment; NULL: there is no room. */
dsm_segment *
wf_parcel_write(const WfParcel *parcel)
{
	Size		lengths[WF_PARCEL_FIELDS];	/* with the end; 0: null */
	Size		size = sizeof(lengths);
	dsm_segment *segment;
	char	   *at;

	for (int i = 0; i < WF_PARCEL_FIELDS; i++)
	{
		lengths[i] = parcel->fields[i] == NULL ? 0 : strlen(parcel->fields[i]) + 1;
		size += lengths[i];
	}
	segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (segment == NULL)
		return NULL;
	at = dsm_segment_address(segment);
	memcpy(at, lengths, sizeof(lengths));
	at += sizeof(lengths);
	for (int i = 0; i < WF_PARCEL_FIELDS; i++)
	{
		if (lengths[i] > 0)
			memcpy(at, parcel->fields[i], lengths[i]);
		at += lengths[i];
	}
	return segment;
}

/* Read the run of a segment, into the current memory context; false: it is there no more. */
bool
wf_parcel_find(dsm_handle handle, WfParcel *parcel)
{
	dsm_segment *segment = dsm_attach(handle);
	const Size *lengths;
	const char *at;

	if (segment == NULL)
		return false;
	lengths = dsm_segment_address(segment);
	at = (const char *) (lengths + WF_PARCEL_FIELDS);
	for (int i = 0; i < WF_PARCEL_FIELDS; i++)
	{
		parcel->fields[i] = lengths[i] == 0 ? NULL : pstrdup(at);
		at += lengths[i];
	}
	dsm_detach(segment);
	return understand(parcel);
}
