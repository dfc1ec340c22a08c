/*
 * definition.c
 *	  Fuzz target: any text as a definition.
 *
 * Whatever the text, the compiler comes back with a chart or with faults, each
 * of them complete.  A chart has a canonical form, which compiles to an equal
 * chart and whose canonical form is the same text.
 */
#include "postgres_fe.h"

#include "compiler/compile.h"
#include "compiler/deparse.h"
#include "json_mutator.h"
#include "memory.h"
#include "target.h"

/* Touch every byte of a string, for the sanitizers. */
static size_t
read_text(const char *text)
{
	return text ? strlen(text) : 0;
}

static size_t
read_faults(const WfFaults *faults)
{
	size_t		size = 0;

	for (int i = 0; i < Min(faults->n, WF_MAX_FAULTS); i++)
	{
		const WfFault *fault = &faults->items[i];

		wf_insist(fault->path != NULL && fault->path[0] == '$',
				  "a fault has no path");
		wf_insist(fault->message != NULL && fault->message[0] != '\0',
				  "a fault has no message");
		size += read_text(fault->path) + read_text(fault->message) +
			read_text(fault->hint);
	}
	return size;
}

/* What define() looks at even in a chart with faults. */
static size_t
read_faulty_chart(const WfChart *chart)
{
	size_t		size = read_text(chart->name);

	for (int i = 0; i < chart->nexprs; i++)
	{
		const WfExpr *expr = chart->exprs[i];

		wf_insist(expr->id == i, "an expression has another number");
		size += read_text(expr->text) + read_text(expr->params) +
			read_text(expr->path);
	}
	for (int i = 0; i < chart->ndelays; i++)
	{
		const WfDelay *delay = chart->delays[i];

		wf_insist(delay->id == i, "a delay has another number");
		wf_insist(delay->kind != WF_DELAY_TEXT || delay->text != NULL,
				  "a delay has no text");
		size += read_text(delay->text) + read_text(delay->path) +
			read_text(delay->name);
	}
	return size;
}

/* The tree of a chart without faults hangs together. */
static void
check_states(const WfChart *chart)
{
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];
		int			below = i;

		wf_insist(state->id == i, "a state has another number");
		wf_insist((state->parent == WF_NO_STATE) == (i == 0),
				  "there are two roots");
		wf_insist(i == 0 || wf_is_descendant(chart, i, state->parent),
				  "a state is not inside of its parent");
		for (int k = 0; k < state->nchildren; k++)
		{
			const WfState *child = &chart->states[state->children[k]];

			wf_insist(child->id == below + 1 && child->parent == i,
					  "children are not in document order");
			below = child->last;
		}
		wf_insist(below == state->last, "a state ends somewhere else");
		wf_insist(i == 0 || wf_chart_find(chart, state->name,
										  strlen(state->name)) == i,
				  "a state is not found by its name");
		wf_insist(state->kind != WF_STATE_COMPOUND || state->initial != NULL,
				  "a compound state has no initial state");
	}
}

/*
 * Is each word of a list in another?  What has no effect, as `allow` of a state
 * that has no transitions, is a feature of the definition, but not of its
 * canonical form.
 */
static bool
contains_words(const char *list, const char *words)
{
	const char *padded = psprintf(" %s ", list);
	char	   *rest = pstrdup(words);
	char	   *word;

	while ((word = strsep(&rest, " ")) != NULL)
		if (*word && strstr(padded, psprintf(" %s ", word)) == NULL)
			return false;
	return true;
}

static void
check_canonical(const WfChart *chart)
{
	const char *canonical = wf_deparse(chart);
	WfFaults	faults = {0};
	WfChart    *again = wf_compile(canonical, strlen(canonical), &faults);

	if (again == NULL)
		wf_give_up("the canonical form is refused", canonical,
				   faults.n ? faults.items[0].message : "without a fault");
	if (strcmp(canonical, wf_deparse(again)) != 0)
		wf_give_up("the canonical form of the canonical form is another",
				   canonical, wf_deparse(again));
	wf_insist(again->nstates == chart->nstates &&
			  again->ntransitions == chart->ntransitions &&
			  again->nexprs == chart->nexprs &&
			  again->has_always == chart->has_always &&
			  again->has_defer == chart->has_defer &&
			  again->has_error == chart->has_error &&
			  again->catches_errors == chart->catches_errors &&
			  contains_words(chart->features, again->features),
			  "the canonical form is another chart");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WfFaults	faults = {0};
	WfChart    *chart = wf_compile_lenient((const char *) data, size, &faults);
	WfFaults	same = {0};
	size_t		bytes = read_faults(&faults);

	if (chart)
		bytes += read_faulty_chart(chart) + read_faults(&chart->warnings);
	wf_insist((wf_compile((const char *) data, size, &same) != NULL) ==
			  (faults.n == 0), "a chart with faults, or none without");
	wf_insist(same.n == faults.n, "the second time there are other faults");
	if (faults.n == 0)
	{
		check_states(chart);
		check_canonical(chart);
	}
	wf_memory_reset();
	return bytes == SIZE_MAX;	/* never */
}

/* Every fourth change is one of bytes, by libFuzzer's own mutators. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
						unsigned int seed)
{
	char	   *out;
	size_t		n;

	if (seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, max);
	out = malloc(max);
	n = wf_mutate_json((char *) data, size, NULL, 0, out, max, seed);
	memcpy(data, out, n);
	free(out);
	return n ? n : LLVMFuzzerMutate(data, size, max);
}

size_t
LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
						  const uint8_t *two, size_t two_size,
						  uint8_t *out, size_t max, unsigned int seed)
{
	return wf_mutate_json((const char *) one, one_size, (const char *) two,
						  two_size, (char *) out, max, seed);
}
