/*-------------------------------------------------------------------------
 *
 * placed_job.c
 *	  The job of a run of another server, as it is here.
 *
 * Runs in executors of placed runs.  What the command means is found out here, once in a
 * session: under the search_path of the role that does it, in this database.  The
 * parameters were checked where the run was made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/memutils.h"

#include "base/errcodes.h"
#include "base/jsonb.h"
#include "bgworker/bgworker.h"
#include "eval/author_code.h"
#include "job/job_call.h"
#include "job/job_command.h"
#include "remote/placed_job.h"

/* So many jobs an executor knows; one that meets more of them makes room for another executor. */
#define KNOWN_MAX	100

static WfJob *known[KNOWN_MAX];
static int	nknown = 0;
static bool full = false;

/* A command that is to be looked up, and what it means. */
typedef struct Lookup
{
	const char *text;
	const WfParameters *parameters;
	bool		tracked;
	MemoryContext context;
	WfJobCommand *command;
} Lookup;

/* Look it up, as the role. */
static void
resolve(void *arg)
{
	Lookup	   *lookup = arg;
	MemoryContext old = MemoryContextSwitchTo(lookup->context);

	lookup->command = wf_job_command_resolve(lookup->text, lookup->parameters, lookup->tracked);
	MemoryContextSwitchTo(old);
}

/* Error WF013: there is nothing that could be done. */
static const char *
command_of(const WfParcel *parcel)
{
	if (parcel->fields[WF_PARCEL_command] == NULL)
		ereport(ERROR,
				(errcode(WF_ERR_PARAMETERS),
				 errmsg("job \"%s\" has no command", parcel->fields[WF_PARCEL_job]),
				 errdetail("A server does only jobs that have one.")));
	return parcel->fields[WF_PARCEL_command];
}

/* A new job for a run, in the current memory context. */
static WfJob *
make(const WfParcel *parcel, Oid role)
{
	const char *version = parcel->fields[WF_PARCEL_version];
	WfJob	   *job = palloc0(sizeof(WfJob));

	job->name = pstrdup(parcel->fields[WF_PARCEL_job]);
	job->version = version == NULL ? 1 : atoi(version);
	job->mode = wf_parcel_is_tracked(parcel) ? WF_JOB_TRACKED : WF_JOB_ATOMIC;
	job->author = (WfAuthor) {
		.job = job->name,.role = role,.search_path = wf_bgworker_own_path(),
		.time_zone = pg_get_timezone_name(session_timezone)
	};
	job->command = pstrdup(command_of(parcel));
	job->keeps_result = true;
	job->context = CurrentMemoryContext;
	return job;
}

/* The parameters of a statement, with the types that they have there; NULL: it is a function. */
static const WfParameters *
parameters_of(const WfParcel *parcel)
{
	WfParameters *parameters;
	Jsonb	   *types;
	JsonbIterator *iterator;
	JsonbValue	value;
	JsonbIteratorToken token;
	int			n = 0;

	if (parcel->fields[WF_PARCEL_types] == NULL)
		return NULL;
	types = wf_jsonb_parse(parcel->fields[WF_PARCEL_types]);
	parameters = palloc0(sizeof(WfParameters));
	parameters->items = palloc0(sizeof(WfParameter) * (JB_ROOT_COUNT(types) + 1));
	iterator = JsonbIteratorInit(&types->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			parameters->items[n].name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type == jbvString)
			parameters->items[n++].type.name = pnstrdup(value.val.string.val, value.val.string.len);
	}
	parameters->n = n;
	return parameters;
}

/* Find out what the command of a job means. */
static void
look_up(WfJob *job, const WfParcel *parcel)
{
	Lookup		lookup = {
		.text = job->command,.parameters = parameters_of(parcel),
			.tracked = job->mode == WF_JOB_TRACKED,.context = CurrentMemoryContext
	};
	WfUserContext bracket = {0};

	wf_author_code_run(&job->author, &bracket, DT_NOEND, WF_LIMIT_OF_JOB, resolve, &lookup);
	wf_user_context_leave(&bracket);
	job->takes_many = lookup.command->form == WF_JOB_FORM_MANY;
	job->takes_run = lookup.command->form == WF_JOB_FORM_RUN;
	job->is_procedure = lookup.command->is_procedure;
	job->call = wf_job_call_new(wf_job_command_write(lookup.command), NULL, NULL);
}

static bool
is_of(const WfJob *job, const WfParcel *parcel)
{
	const char *version = parcel->fields[WF_PARCEL_version];

	return strcmp(job->name, parcel->fields[WF_PARCEL_job]) == 0 &&
		strcmp(job->command, command_of(parcel)) == 0 && (version == NULL || job->version == atoi(version)) &&
		(job->mode == WF_JOB_TRACKED) == wf_parcel_is_tracked(parcel);
}

/*
 * The job of a run that is done as this role, which is that of the session.  Needs a
 * transaction, and SPI.  Throws what is wrong with its command.
 */
const WfJob *
wf_placed_job(const WfParcel *parcel, Oid role)
{
	MemoryContext old;
	MemoryContext context;
	WfJob	   *job;

	for (int i = 0; i < nknown; i++)
		if (is_of(known[i], parcel))
			return known[i];
	context = AllocSetContextCreate(CurrentMemoryContext, "workflow placed job", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	job = make(parcel, role);
	look_up(job, parcel);
	MemoryContextSwitchTo(old);
	/* it is kept only if that went well */
	MemoryContextSetParent(context, TopMemoryContext);
	if (nknown < KNOWN_MAX)
		known[nknown++] = job;
	else
		full = true;
	return job;
}

/* A run failed so: what commands mean may be something else by now, and is found out anew. */
void
wf_placed_job_doubt(const ErrorData *error)
{
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION)
		full = true;
}

/* Has this session kept as much of jobs as it should, or what may not be right? */
bool
wf_placed_job_is_full(void)
{
	return full;
}

static Jsonb *
number_or_null(const char *text)
{
	return text == NULL ? wf_jsonb_string_or_null(NULL) : wf_jsonb_parse(text);
}

/* What a function of (params, run) is told of the run; NULL if the command is none. */
Jsonb *
wf_placed_job_describe(const WfJob *job, const WfParcel *parcel)
{
	const char *keys[] = {"attempt", "job", "key", "partition", "round", "run", "version"};
	Jsonb	   *values[] = {
		number_or_null(parcel->fields[WF_PARCEL_attempt]),
		wf_jsonb_string(job->name),
		wf_jsonb_string_or_null(parcel->fields[WF_PARCEL_key]),
		wf_jsonb_string_or_null(parcel->fields[WF_PARCEL_partition]),
		number_or_null(parcel->fields[WF_PARCEL_round]),
		wf_jsonb_string(parcel->fields[WF_PARCEL_run]),
		number_or_null(parcel->fields[WF_PARCEL_version])
	};

	return job->takes_run ? wf_jsonb_object(lengthof(keys), keys, values) : NULL;
}
