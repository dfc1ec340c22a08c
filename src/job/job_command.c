/*-------------------------------------------------------------------------
 *
 * job_command.c
 *	  What the command of a job means.
 *
 * Runs in sessions that call create_job(), as the author: a name is looked up once,
 * and what it meant then is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "eval/calls.h"
#include "eval/expression.h"
#include "job/job_command.h"
#include "job/job_text.h"

/* --- functions ----------------------------------------------------------------- */

/* A name, with or without a schema, and nothing else? */
static List *
name_of(const char *text)
{
	List	   *names;
	char	   *copy = pstrdup(text);

	if (!SplitIdentifierString(copy, '.', &names) || list_length(names) > 2 || names == NIL)
		return NIL;
	for (int i = 0; i < list_length(names); i++)
		lfirst(list_nth_cell(names, i)) = makeString(list_nth(names, i));
	return names;
}

static bool
has_types(FuncCandidateList candidate, int n, const Oid *types)
{
	return candidate->nargs == n && memcmp(candidate->args, types, sizeof(Oid) * n) == 0;
}

/* The first candidate with these arguments; those of the path come in its order. */
static Oid
find_with(FuncCandidateList candidates, int n, const Oid *types)
{
	for (; candidates != NULL; candidates = candidates->next)
		if (has_types(candidates, n, types))
			return candidates->oid;
	return InvalidOid;
}

/* All names of its arguments that go in; false: some have none. */
static bool
argument_names(Oid function, List **names, List **types)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid		   *all;
	char	  **found;
	char	   *modes;
	int			n = get_func_arg_info(row, &all, &found, &modes);
	bool		good = true;

	*names = *types = NIL;
	for (int i = 0; i < n; i++)
	{
		if (modes != NULL && modes[i] != PROARGMODE_IN && modes[i] != PROARGMODE_INOUT)
			continue;
		good = good && found != NULL && found[i][0] != '\0';
		if (good)
		{
			*names = lappend(*names, found[i]);
			*types = lappend_oid(*types, all[i]);
		}
	}
	ReleaseSysCache(row);
	return good;
}

/* The only candidate that takes its arguments by name. */
static Oid
find_by_names(FuncCandidateList candidates, const char *text)
{
	Oid			found = InvalidOid;
	List	   *names;
	List	   *types;

	for (; candidates != NULL; candidates = candidates->next)
	{
		if (!argument_names(candidates->oid, &names, &types))
			continue;
		if (OidIsValid(found))
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
					 errmsg("function \"%s\" of the job is not unique", wf_quote(text)),
					 errdetail("%s and %s take their parameters by name.",
							   format_procedure(found), format_procedure(candidates->oid))));
		found = candidates->oid;
	}
	return found;
}

static FuncCandidateList
candidates_of(List *names)
{
#if PG_VERSION_NUM >= 190000
	int			flags;

	return FuncnameGetCandidates(names, -1, NIL, false, false, false, true, &flags);
#else
	return FuncnameGetCandidates(names, -1, NIL, false, false, false, true);
#endif
}

/* The function that a name means, and how it is called. */
static Oid
find_function(List *names, const char *text, WfJobForm *form)
{
	static const Oid many[] = {JSONBARRAYOID};
	static const Oid run[] = {JSONBOID, JSONBOID};
	FuncCandidateList candidates = candidates_of(names);
	Oid			function;

	*form = WF_JOB_FORM_MANY;
	function = find_with(candidates, 1, many);
	if (!OidIsValid(function))
	{
		*form = WF_JOB_FORM_RUN;
		function = find_with(candidates, 2, run);
	}
	if (!OidIsValid(function))
	{
		*form = WF_JOB_FORM_PARAMS;
		function = find_with(candidates, 1, run);
	}
	if (!OidIsValid(function))
	{
		*form = WF_JOB_FORM_STATEMENT;
		function = find_by_names(candidates, text);
	}
	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function \"%s\" of the job does not exist", wf_quote(text)),
				 strchr(text, '(') != NULL ?
				 errhint("Write the name of the function alone, or a statement: SELECT ...") :
				 errhint("It takes (params jsonb), (params jsonb, run jsonb), (runs jsonb[]), or parameters by name.")));
	return function;
}

/* Error unless it can be the command of a job. */
static void
check_function(Oid function, WfJobForm form, bool tracked)
{
	char		kind = get_func_prokind(function);

	if (object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", format_procedure(function))));
	if (kind != PROKIND_FUNCTION && kind != PROKIND_PROCEDURE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is neither a function nor a procedure", format_procedure(function))));
	if (form == WF_JOB_FORM_MANY && (tracked || kind == PROKIND_PROCEDURE))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s takes many runs at once, and the job is tracked", format_procedure(function)),
				 errhint("Make the job atomic.")));
	if (get_func_retset(function))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s returns a set", format_procedure(function)),
				 errhint("Write a statement: SELECT ... FROM %s.", format_procedure(function))));
}

/* A tracked procedure that cannot COMMIT is not what its author expects. */
static void
warn_of_procedure(Oid function)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		isnull;

	(void) SysCacheGetAttr(PROCOID, row, Anum_pg_proc_proconfig, &isnull);
	if (!isnull || ((Form_pg_proc) GETSTRUCT(row))->prosecdef)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("procedure %s cannot COMMIT", format_procedure(function)),
				 errdetail("It is SECURITY DEFINER or has SET clauses.")));
	ReleaseSysCache(row);
}

/* The statement that calls a function by names, or a procedure. */
static void
write_statement(WfJobCommand *command, Oid function, WfJobForm form)
{
	StringInfoData buf;
	List	   *names = NIL;
	List	   *types = NIL;
	char	   *name = quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
												  get_func_name(function));

	if (form == WF_JOB_FORM_STATEMENT)
		(void) argument_names(function, &names, &types);
	command->n = form == WF_JOB_FORM_STATEMENT ? list_length(names) :
		form == WF_JOB_FORM_RUN ? 2 : 1;
	command->names = palloc0(sizeof(char *) * (command->n + 1));
	command->types = palloc0(sizeof(char *) * (command->n + 1));
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s %s(", command->is_procedure ? "CALL" : "SELECT", name);
	for (int i = 0; i < command->n; i++)
	{
		Oid			type = form == WF_JOB_FORM_STATEMENT ? list_nth_oid(types, i) : JSONBOID;

		if (i > 0)
			appendStringInfoString(&buf, ", ");
		if (form == WF_JOB_FORM_STATEMENT)
		{
			command->names[i] = list_nth(names, i);
			appendStringInfo(&buf, "%s => ", quote_identifier(command->names[i]));
		}
		command->types[i] = wf_parameter_type_canonical(format_type_be_qualified(type), &type);
		appendStringInfo(&buf, "$%d", i + 1);
	}
	appendStringInfoChar(&buf, ')');
	command->text = buf.data;
}

static void
resolve_function(WfJobCommand *command, List *names, const char *text, bool tracked)
{
	WfJobForm	form;
	Oid			function = find_function(names, text, &form);

	check_function(function, form, tracked);
	command->is_procedure = get_func_prokind(function) == PROKIND_PROCEDURE;
	if (command->is_procedure && tracked)
		warn_of_procedure(function);
	command->function = wf_calls_function_name(function);
	command->hash = wf_expression_function_hash(function);
	command->form = form;
	if (form == WF_JOB_FORM_STATEMENT || command->is_procedure)
		write_statement(command, function, form);
}

/* --- statements -------------------------------------------------------------------- */

/* Statements that begin or end transactions, or cannot be in one. */
static void
check_statement(RawStmt *statement)
{
	Node	   *node = statement->stmt;

	if (IsA(node, TransactionStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the command of a job cannot be %s", GetCommandTagName(CreateCommandTag(node))),
				 errhint("A tracked job may be a procedure that commits.")));
	if (IsA(node, VacuumStmt) || IsA(node, ClusterStmt) || IsA(node, CreatedbStmt) ||
		IsA(node, DropdbStmt) || IsA(node, CreateTableSpaceStmt) || IsA(node, AlterSystemStmt) ||
		(IsA(node, IndexStmt) && ((IndexStmt *) node)->concurrent) ||
		(IsA(node, ReindexStmt)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s cannot be the command of a job", GetCommandTagName(CreateCommandTag(node))),
				 errdetail("It cannot run inside of a transaction."),
				 errhint("pg_cron runs such commands.")));
}

/* The type of a parameter as it is declared; InvalidOid: the statement says it. */
static Oid
declared_type(const WfParameters *parameters, const char *name)
{
	WfParameter *parameter = parameters == NULL ? NULL : wf_parameters_get(parameters, name);
	Oid			type = InvalidOid;

	if (parameters != NULL && parameter == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("the command has a parameter \"%s\" that is not declared", wf_quote(name))));
	if (parameter != NULL)
		(void) wf_parameter_type_canonical(parameter->type.name, &type);
	return type;
}

static void
resolve_statement(WfJobCommand *command, const char *text, const WfParameters *parameters)
{
	List	   *names;
	List	   *statements;
	Query	   *query;
	Oid		   *types;
	int			n;

	command->form = WF_JOB_FORM_STATEMENT;
	command->text = wf_job_text_bind(text, &names);
	n = command->n = list_length(names);
	statements = raw_parser(command->text, RAW_PARSE_DEFAULT);
	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the command of a job must be one statement"),
				 errdetail("It has %d.", list_length(statements)),
				 errhint("Write a function.")));
	check_statement(linitial(statements));
	command->names = palloc0(sizeof(char *) * (n + 1));
	command->types = palloc0(sizeof(char *) * (n + 1));
	types = palloc0(sizeof(Oid) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		command->names[i] = list_nth(names, i);
		types[i] = declared_type(parameters, command->names[i]);
	}
	query = parse_analyze_varparams(linitial(statements), command->text, &types, &n, NULL);
	command->calls = wf_calls_names((Node *) query);
	for (int i = 0; i < command->n; i++)
	{
		Oid			type = OidIsValid(types[i]) && types[i] != UNKNOWNOID ? types[i] : TEXTOID;

		command->types[i] = wf_parameter_type_canonical(format_type_be_qualified(type), &type);
	}
}

/*
 * What a command means, under the present search_path, as the current user.  tracked:
 * it is called at top level.  Errors: 42883, 42725, 42501, 42601, 0A000, and those of
 * the parser.
 */
WfJobCommand *
wf_job_command_resolve(const char *text, const WfParameters *parameters, bool tracked)
{
	WfJobCommand *command = palloc0(sizeof(WfJobCommand));
	List	   *names = name_of(text);

	if (names != NIL)
		resolve_function(command, names, text, tracked);
	else
		resolve_statement(command, text, parameters);
	return command;
}

/* The name of the function of a command that is one, with its schema, without its arguments. */
const char *
wf_job_command_function(const WfJobCommand *command)
{
	const char *end = command->function;
	bool		quoted = false;

	for (; *end != '\0' && (quoted || *end != '('); end++)
		if (*end == '"')
			quoted = !quoted;
	return pnstrdup(command->function, end - command->function);
}

/* --- as it is stored ------------------------------------------------------------------ */

static Jsonb *
write_strings(int n, const char **strings)
{
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (n + 1));

	for (int i = 0; i < n; i++)
		values[i] = wf_jsonb_string_or_null(strings[i]);
	return wf_jsonb_array(n, values);
}

/* A command, for job.call. */
Jsonb *
wf_job_command_write(const WfJobCommand *command)
{
	const char *keys[] = {"form", "procedure", "function", "hash", "text", "names", "types"};
	Jsonb	   *values[] = {
		wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(command->form)), NUMERICOID),
		wf_jsonb_scalar(BoolGetDatum(command->is_procedure), BOOLOID),
		wf_jsonb_string_or_null(command->function),
		wf_jsonb_string_or_null(command->hash),
		wf_jsonb_string_or_null(command->text),
		write_strings(command->n, command->names),
		write_strings(command->n, command->types)
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

static const char *
text_of(const JsonbValue *value)
{
	return value->type == jbvString ? pnstrdup(value->val.string.val, value->val.string.len) : NULL;
}

static JsonbValue *
member(Jsonb *stored, const char *key, JsonbValue *value)
{
	if (getKeyJsonValueFromContainer(&stored->root, key, strlen(key), value) == NULL)
		elog(ERROR, "a stored command has no \"%s\"", key);
	return value;
}

static const char **
read_strings(Jsonb *stored, const char *key, int *n)
{
	JsonbValue	array;
	const char **strings;

	(void) member(stored, key, &array);
	*n = JsonContainerSize(array.val.binary.data);
	strings = palloc0(sizeof(char *) * (*n + 1));
	for (int i = 0; i < *n; i++)
		strings[i] = text_of(getIthJsonbValueFromContainer(array.val.binary.data, i));
	return strings;
}

/* The same, back; in the current memory context. */
WfJobCommand *
wf_job_command_read(Jsonb *stored)
{
	WfJobCommand *command = palloc0(sizeof(WfJobCommand));
	JsonbValue	value;

	command->form = DatumGetInt32(DirectFunctionCall1(numeric_int4,
													  NumericGetDatum(member(stored, "form", &value)->val.numeric)));
	command->is_procedure = member(stored, "procedure", &value)->val.boolean;
	command->function = text_of(member(stored, "function", &value));
	command->hash = text_of(member(stored, "hash", &value));
	command->text = text_of(member(stored, "text", &value));
	command->names = read_strings(stored, "names", &command->n);
	command->types = read_strings(stored, "types", &command->n);
	return command;
}
