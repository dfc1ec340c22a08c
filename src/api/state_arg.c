/*-------------------------------------------------------------------------
 *
 * state_arg.c
 *	  States that a caller names, and whether a process is in them.
 *
 * Runs in client backends, on rows that are locked or only read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/state_arg.h"
#include "base/quote.h"
#include "base/version.h"
#include "chart/chart.h"
#include "definition/versions.h"

/* Has this version a state of this name that can be active? */
static bool
has_state(const WfDefinition *definition, const char *name)
{
	WfStateId	state = wf_chart_find(definition->chart, name, strlen(name));

	return state != WF_NO_STATE && definition->chart->states[state].kind != WF_STATE_HISTORY;
}

/*
 * Error 22023 unless some version has a state of this name: a process may have
 * been migrated from the version that the caller knows.
 */
static void
require_state(const WfDefinition *definition, const char *name)
{
	if (!wf_versions_any(definition->name, has_state, name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no version of definition \"%s\" has a state \"%s\"",
						definition->name, wf_quote(name)),
				 errhint("States are named by their path, such as \"review.waiting\".")));
}

/*
 * Is a state of this name active in the process, or one inside of it?  Error
 * 22023 if no version of the definition has such a state, or if it is a history
 * state, which is never active.  SPI must be connected.
 */
bool
wf_state_arg_holds(const WfRow *row, const WfDefinition *definition, const char *name)
{
	const WfChart *chart = definition->chart;
	WfStateId	wanted = wf_chart_find(chart, name, strlen(name));
	Datum	   *leaves;
	int			n;

	if (!has_state(definition, name))
	{
		require_state(definition, name);
		return false;
	}
	deconstruct_array(DatumGetArrayTypeP(row->states), TEXTOID, -1, false, TYPALIGN_INT,
					  &leaves, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *leaf = TextDatumGetCString(leaves[i]);
		WfStateId	state = wf_chart_find(chart, leaf, strlen(leaf));

		if (state != WF_NO_STATE && (state == wanted || wf_is_descendant(chart, state, wanted)))
			return true;
	}
	return false;
}

/*
 * Check an argument that lists states.  Error 22023 for one that no version has.
 * SQL of versions before 0.3.0 takes any.  SPI must be connected.
 */
void
wf_state_arg_check(const WfDefinition *definition, ArrayType *states)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;

	if (!wf_version_has_column("early", "until"))
		return;
	deconstruct_array(states, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			require_state(definition, TextDatumGetCString(names[i]));
}
