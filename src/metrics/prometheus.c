/*-------------------------------------------------------------------------
 *
 * prometheus.c
 *	  What is measured, as Prometheus reads it: its text format 0.0.4.
 *
 * Runs in sessions of monitors, also on a standby; reads only.  A family of metrics is one
 * statement, whose first columns are the labels, by their names, and each of whose other
 * columns is a metric.  Names are an interface: they stay.  Tenants are no label, since
 * there may be any number of them.
 *
 * What counts only grows, but for objects that are dropped, which are not told of any more.
 * SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/histogram.h"
#include "metrics/prometheus.h"
#include "store/statement.h"

#define MAX_METRICS		6

typedef enum MetricType
{
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_MEAN,				/* two columns: sum and count */
	METRIC_HISTOGRAM			/* a column of histograms of microseconds */
} MetricType;

static const char *const type_names[] = {"counter", "gauge", "summary", "histogram"};

typedef struct Metric
{
	const char *name;
	MetricType	type;
	const char *help;
} Metric;

typedef struct Family
{
	WfStatement statement;
	int			nlabels;
	int			nmetrics;
	Metric		metrics[MAX_METRICS];
} Family;

/* Bounds of the buckets of a histogram, in seconds. */
static const double bounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3600, 86400};

/* What was ever done, with what was not summed yet. */
#define DONE \
	"(SELECT t.kind, t.what, t.queue, t.started, t.finished, t.failed, t.ended, t.steps, t.lag, t.lags, t.busy, t.took" \
	" FROM workflow.load_total t UNION ALL" \
	" SELECT n.kind, n.what, n.queue, n.started, n.finished, n.failed, n.ended, n.steps, n.lag, n.lags, n.busy, n.took" \
	" FROM workflow.load_note n) u"

#define OF_PROCESSES \
	" FROM " DONE " JOIN workflow.definition d ON d.id = u.what WHERE u.kind = 0 GROUP BY d.name ORDER BY d.name"

#define QUEUE_OF(row)	"COALESCE(q.name, 'job:' || o.name)"
#define QUEUES(row) \
	" LEFT JOIN workflow.queue q ON q.id = " row ".queue LEFT JOIN workflow.job o ON o.id = -" row ".queue"

#define OF_RUNS \
	" FROM " DONE " JOIN workflow.job j ON j.id = u.what" QUEUES("u") \
	" WHERE u.kind = 1 GROUP BY 1, 2 ORDER BY 1, 2"

static Family families[] = {
	{
		.statement = {.sql = "SELECT e.extversion AS version, 1 FROM pg_extension e WHERE e.extname = 'workflow'"},
		.nlabels = 1,.nmetrics = 1,.metrics = {
			{"workflow_info", METRIC_GAUGE, "The version of the extension."}
		}
	},
	{
		.statement = {
			.sql = "SELECT d.name AS definition, sum(u.started), sum(u.finished), sum(u.failed), sum(u.ended), sum(u.steps), sum(u.busy)"
			OF_PROCESSES
		},
		.nlabels = 1,.nmetrics = 6,.metrics = {
			{"workflow_processes_started_total", METRIC_COUNTER, "Processes that have started."},
			{"workflow_processes_finished_total", METRIC_COUNTER, "Processes that have reached their end."},
			{"workflow_processes_failed_total", METRIC_COUNTER, "How often a process took status error or terminated."},
			{"workflow_processes_ended_total", METRIC_COUNTER, "Processes that are over, whatever became of them."},
			{"workflow_process_steps_total", METRIC_COUNTER, "Steps of processes."},
			{"workflow_process_busy_seconds_total", METRIC_COUNTER, "Time that executors spent on steps."}
		}
	},
	{
		.statement = {
			.sql = "SELECT d.name AS definition, sum(u.lag), sum(u.lags), workflow.load_sum(u.took)" OF_PROCESSES
		},
		.nlabels = 1,.nmetrics = 2,.metrics = {
			{"workflow_process_lag_seconds", METRIC_MEAN, "How late events came that were due at a time."},
			{"workflow_process_duration_seconds", METRIC_HISTOGRAM, "Processes from their making to their end."}
		}
	},
	{
		.statement = {
			.sql = "SELECT " QUEUE_OF("u") " AS queue, j.name AS job, sum(u.started), sum(u.finished), sum(u.failed),"
			" sum(u.ended), sum(u.busy)" OF_RUNS
		},
		.nlabels = 2,.nmetrics = 5,.metrics = {
			{"workflow_runs_started_total", METRIC_COUNTER, "Runs that have begun and ended."},
			{"workflow_runs_finished_total", METRIC_COUNTER, "Runs that have finished."},
			{"workflow_runs_failed_total", METRIC_COUNTER, "Runs that have failed for good."},
			{"workflow_runs_ended_total", METRIC_COUNTER, "Runs that have ended, whatever became of them."},
			{"workflow_run_busy_seconds_total", METRIC_COUNTER, "Time that executors and workers spent on runs."}
		}
	},
	{
		.statement = {
			.sql = "SELECT " QUEUE_OF("u") " AS queue, j.name AS job, sum(u.lag), sum(u.lags), workflow.load_sum(u.took)" OF_RUNS
		},
		.nlabels = 2,.nmetrics = 2,.metrics = {
			{"workflow_run_lag_seconds", METRIC_MEAN, "How late runs began."},
			{"workflow_run_duration_seconds", METRIC_HISTOGRAM, "Runs from the beginning of the last attempt to the end."}
		}
	},
	{
		.statement = {
			.sql = "SELECT d.name AS definition, GREATEST(sum(u.in_flight), 0), sum(u.waiting),"
			" COALESCE(date_part('epoch', statement_timestamp() - min(u.due)), 0)"
			" FROM (SELECT x.what, x.started - x.ended AS in_flight, 0 AS waiting, NULL::timestamptz AS due"
			"   FROM (SELECT t.what, t.started, t.ended FROM workflow.load_total t WHERE t.kind = 0"
			"    UNION ALL SELECT n.what, n.started, n.ended FROM workflow.load_note n WHERE n.kind = 0) x"
			"  UNION ALL SELECT p.definition, 0, 1, m.due FROM workflow.timer m JOIN workflow.process p ON p.id = m.process"
			"   WHERE NOT m.parked AND m.due <= statement_timestamp()) u"
			" JOIN workflow.definition d ON d.id = u.what GROUP BY d.name ORDER BY d.name"
		},
		.nlabels = 1,.nmetrics = 3,.metrics = {
			{"workflow_processes_in_flight", METRIC_GAUGE, "Processes that have started and are not over."},
			{"workflow_process_events_waiting", METRIC_GAUGE, "Events of processes that are due."},
			{"workflow_process_overdue_seconds", METRIC_GAUGE, "Since when the first of them is due."}
		}
	},
	{
		.statement = {
			.sql = "SELECT " QUEUE_OF("r") " AS queue, j.name AS job, count(*) FILTER (WHERE r.state > 0),"
			" count(*) FILTER (WHERE r.state = 0 AND r.ready AND r.due <= statement_timestamp()),"
			" count(*) FILTER (WHERE r.state = 0 AND NOT (r.ready AND r.due <= statement_timestamp())),"
			" COALESCE(date_part('epoch', statement_timestamp() - min(r.due) FILTER (WHERE r.state = 0 AND r.ready AND r.due <= statement_timestamp())), 0)"
			" FROM workflow.run r JOIN workflow.job j ON j.id = r.job" QUEUES("r") " GROUP BY 1, 2 ORDER BY 1, 2"
		},
		.nlabels = 2,.nmetrics = 4,.metrics = {
			{"workflow_runs_in_flight", METRIC_GAUGE, "Runs that are running."},
			{"workflow_runs_waiting", METRIC_GAUGE, "Runs that are due and may begin."},
			{"workflow_runs_later", METRIC_GAUGE, "Runs that wait for their time or for something else."},
			{"workflow_run_overdue_seconds", METRIC_GAUGE, "Since when the first of those that wait is due."}
		}
	},
	{
		.statement = {
			.sql = "SELECT w.kind, COALESCE(w.state, '') AS state, count(*) FROM workflow.workers() w"
			" WHERE w.kind <> 'owner' GROUP BY 1, 2 ORDER BY 1, 2"
		},
		.nlabels = 2,.nmetrics = 1,.metrics = {
			{"workflow_workers", METRIC_GAUGE, "Background workers of this database, by what they are at."}
		}
	},
	{
		.statement = {
			.sql = "SELECT r.id AS runtime, r.kind, r.state::text AS state, 1 FROM workflow.runtime r ORDER BY r.id"
		},
		.nlabels = 3,.nmetrics = 1,.metrics = {
			{"workflow_runtime_state", METRIC_GAUGE, "Runtimes of this database, each with the state it is in."}
		}
	},
	{
		.statement = {
			.sql = "SELECT a.name AS alert, a.kind, (a.state = 'firing' AND NOT a.paused)::int FROM workflow.alert a ORDER BY a.name"
		},
		.nlabels = 2,.nmetrics = 1,.metrics = {
			{"workflow_alert_firing", METRIC_GAUGE, "Does the alert fire?"}
		}
	},
	{
		.statement = {
			.sql = "SELECT COALESCE(d.name, '') AS definition, COALESCE(j.name, '') AS job, sum(c.calls), sum(c.failures),"
			" sum(c.total_time) / 1000, sum(c.shared_blks_hit + c.shared_blks_read), sum(c.shared_blks_read), sum(c.wal_bytes)"
			" FROM workflow.action_cost_list() c LEFT JOIN workflow.definition d ON c.kind = 0 AND d.id = c.id"
			" LEFT JOIN workflow.job j ON c.kind = 1 AND j.id = c.id GROUP BY 1, 2 ORDER BY 1, 2"
		},
		.nlabels = 2,.nmetrics = 6,.metrics = {
			{"workflow_action_calls_total", METRIC_COUNTER, "Calls of guards, actions and commands of jobs, since the start of the server."},
			{"workflow_action_failures_total", METRIC_COUNTER, "Those of them that failed."},
			{"workflow_action_seconds_total", METRIC_COUNTER, "Time that they took."},
			{"workflow_action_blocks_total", METRIC_COUNTER, "Blocks that they looked at."},
			{"workflow_action_blocks_read_total", METRIC_COUNTER, "Blocks that had to be read for them."},
			{"workflow_action_wal_bytes_total", METRIC_COUNTER, "WAL that they wrote."}
		}
	},
	{
		.statement = {
			.sql = "SELECT d.name AS definition, count(*) FROM workflow.failure f JOIN workflow.process p ON p.id = f.process"
			" JOIN workflow.definition d ON d.id = p.definition WHERE f.given_up GROUP BY 1 ORDER BY 1"
		},
		.nlabels = 1,.nmetrics = 1,.metrics = {
			{"workflow_errors", METRIC_GAUGE, "Events that were given up and wait for somebody."}
		}
	}
};

/* --- a value ------------------------------------------------------------------------- */

static void
write_number(StringInfo out, double value)
{
	if (isinf(value))
		appendStringInfoString(out, value > 0 ? "+Inf" : "-Inf");
	else if (isnan(value))
		appendStringInfoString(out, "NaN");
	else
		appendStringInfo(out, "%.15g", value);
}

/* In a label's value a backslash, a quote and the end of a line are escaped. */
static void
write_label(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, "%s=\"", name);
	for (const char *c = value; *c; c++)
	{
		if (*c == '\n')
			appendStringInfoString(out, "\\n");
		else
		{
			if (*c == '\\' || *c == '"')
				appendStringInfoChar(out, '\\');
			appendStringInfoChar(out, *c);
		}
	}
	appendStringInfoChar(out, '"');
}

/* The labels of a row, and one more, le, if that is not NULL. */
static void
write_labels(StringInfo out, const Family *family, HeapTuple row, TupleDesc desc, const char *le)
{
	const char *before = "{";

	for (int i = 1; i <= family->nlabels; i++)
	{
		char	   *value = SPI_getvalue(row, desc, i);

		appendStringInfoString(out, before);
		write_label(out, SPI_fname(desc, i), value != NULL ? value : "");
		before = ",";
	}
	if (le != NULL)
	{
		appendStringInfoString(out, before);
		write_label(out, "le", le);
	}
	if (family->nlabels > 0 || le != NULL)
		appendStringInfoChar(out, '}');
}

static double
number_of(HeapTuple row, TupleDesc desc, int column)
{
	char	   *value = SPI_getvalue(row, desc, column);

	return value == NULL ? 0 : DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(value)));
}

static void
write_line(StringInfo out, const Family *family, const char *name, const char *suffix, HeapTuple row,
		   TupleDesc desc, const char *le, double value)
{
	appendStringInfo(out, "%s%s", name, suffix);
	write_labels(out, family, row, desc, le);
	appendStringInfoChar(out, ' ');
	write_number(out, value);
	appendStringInfoChar(out, '\n');
}

/* How many durations were not longer than each bound, how many there were, and their sum. */
static void
write_histogram(StringInfo out, const Family *family, const Metric *metric, HeapTuple row, TupleDesc desc, int column)
{
	WfHistogram took = {0};
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);
	double		count = 0;
	double		sum = 0;
	int			at = 0;

	if (!isnull)
		wf_histogram_read(&took, DatumGetArrayTypeP(value));
	for (int i = 0; i <= (int) lengthof(bounds); i++)
	{
		bool		last = i == (int) lengthof(bounds);

		for (; at < took.n; at++)
		{
			double		seconds = wf_histogram_middle(took.items[at].bucket) / 1e6;

			if (!last && seconds > bounds[i])
				break;
			count += (double) took.items[at].count;
			sum += seconds * (double) took.items[at].count;
		}
		write_line(out, family, metric->name, "_bucket", row, desc, last ? "+Inf" : psprintf("%g", bounds[i]), count);
	}
	write_line(out, family, metric->name, "_sum", row, desc, NULL, sum);
	write_line(out, family, metric->name, "_count", row, desc, NULL, count);
}

/* --- families ------------------------------------------------------------------------- */

/* A metric of all rows.  Returns the column behind it. */
static int
write_metric(StringInfo out, const Family *family, const Metric *metric, SPITupleTable *rows, uint64 n, int column)
{
	int			next = column + 1;

	if (n > 0)
		appendStringInfo(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
						 type_names[metric->type]);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = rows->vals[i];

		switch (metric->type)
		{
			case METRIC_COUNTER:
			case METRIC_GAUGE:
				write_line(out, family, metric->name, "", row, rows->tupdesc, NULL, number_of(row, rows->tupdesc, column));
				break;
			case METRIC_MEAN:
				write_line(out, family, metric->name, "_sum", row, rows->tupdesc, NULL,
						   number_of(row, rows->tupdesc, column));
				write_line(out, family, metric->name, "_count", row, rows->tupdesc, NULL,
						   number_of(row, rows->tupdesc, column + 1));
				break;
			case METRIC_HISTOGRAM:
				write_histogram(out, family, metric, row, rows->tupdesc, column);
				break;
		}
	}
	return metric->type == METRIC_MEAN ? next + 1 : next;
}

/* Write all that is measured; names are in the encoding of the database. */
void
wf_prometheus_write(StringInfo out)
{
	for (int i = 0; i < (int) lengthof(families); i++)
	{
		Family	   *family = &families[i];
		uint64		n = wf_statement_execute(&family->statement, NULL, NULL, 0);
		SPITupleTable *rows = SPI_tuptable;
		int			column = family->nlabels + 1;

		for (int m = 0; m < family->nmetrics; m++)
			column = write_metric(out, family, &family->metrics[m], rows, n, column);
		SPI_freetuptable(rows);
	}
}
