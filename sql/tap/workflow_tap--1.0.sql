-- Functions for the tests of those who use workflow. Names are resolved here and now, those
-- of pgTAP in its schema, which has to be in the path of whoever runs the tests, as always.

\echo Use "CREATE EXTENSION workflow_tap" to load this file. \quit

-- drain(queue): do all that is due of the current role's atomic jobs, in this transaction;
-- without a queue all that is due of its processes, too. Returns how much that was. What
-- fails is an error. A job that makes runs of itself for ever ends it after 10,000.
CREATE FUNCTION drain(queue text DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    done bigint := 0;
    n bigint;
BEGIN
    LOOP
        n := workflow.work_runs(queue);
        IF queue IS NULL THEN
            n := n OPERATOR(pg_catalog.+) workflow.work();
        END IF;
        done := done OPERATOR(pg_catalog.+) n;
        EXIT WHEN n OPERATOR(pg_catalog.=) 0;
        IF done OPERATOR(pg_catalog.>) 10000 THEN
            RAISE 'there is no end of work' USING HINT = 'Does a job make a run of itself, or a process a timer that is due at once?';
        END IF;
    END LOOP;
    RETURN done;
END $$;

-- state_is(process, state, description): the process is in this state, perhaps among
-- others.
CREATE FUNCTION state_is(process uuid, state text, description text DEFAULT NULL) RETURNS text LANGUAGE sql
    BEGIN ATOMIC
        SELECT ok(state = ANY (p.states), COALESCE(description, 'the process is in state ' || state)) ||
            CASE WHEN state = ANY (p.states) THEN ''
                ELSE E'\n' || diag('It is ' || p.status || ', in ' || p.states::text) END
        FROM workflow.get(process) p;
    END;

-- run_state_is(run, state, description): waiting, running, finished, failed, ...
CREATE FUNCTION run_state_is(run uuid, state text, description text DEFAULT NULL) RETURNS text LANGUAGE sql
    RETURN is((workflow.get_run(run)).state, state, COALESCE(description, 'the run is ' || state));

-- run_enqueued(job, params, queue, description): a run of the job waits, whose
-- parameters contain these.
CREATE FUNCTION run_enqueued(job text, params jsonb DEFAULT '{}', queue text DEFAULT NULL, description text DEFAULT NULL)
    RETURNS text LANGUAGE sql
    BEGIN ATOMIC
        SELECT ok(count(*) FILTER (WHERE r.params @> run_enqueued.params AND r.queue = COALESCE(run_enqueued.queue, r.queue)) > 0,
                COALESCE(description, 'a run of ' || run_enqueued.job || ' waits')) ||
            CASE WHEN count(*) FILTER (WHERE r.params @> run_enqueued.params AND r.queue = COALESCE(run_enqueued.queue, r.queue)) > 0 THEN ''
                WHEN count(*) = 0 THEN E'\n' || diag('No run of it waits.')
                ELSE E'\n' || diag('These wait: ' || string_agg(r.params::text || ' in queue ' || r.queue, ', ')) END
        FROM workflow.runs r WHERE r.job = run_enqueued.job AND r.state = 'waiting';
    END;

-- timer_due(process, name, at, description): a timer of this name runs, and is due then.
CREATE FUNCTION timer_due(process uuid, name text, at timestamptz DEFAULT NULL, description text DEFAULT NULL)
    RETURNS text LANGUAGE sql
    BEGIN ATOMIC
        SELECT ok(count(*) FILTER (WHERE t.due = COALESCE(timer_due.at, t.due)) > 0,
                COALESCE(description, 'timer ' || timer_due.name || ' runs')) ||
            CASE WHEN count(*) FILTER (WHERE t.due = COALESCE(timer_due.at, t.due)) > 0 THEN ''
                WHEN count(*) = 0 THEN E'\n' || diag('There is no such timer.')
                ELSE E'\n' || diag('It is due ' || string_agg(t.due::text, ', ')) END
        FROM workflow.timers t WHERE t.process = timer_due.process AND t.name = timer_due.name;
    END;

-- task_for(process, name, event, description): an open task of the process waits for this person
-- or group, and, unless that is null, for this event.
CREATE FUNCTION task_for(process uuid, name text, event text DEFAULT NULL, description text DEFAULT NULL)
    RETURNS text LANGUAGE sql
    BEGIN ATOMIC
        SELECT ok(count(*) FILTER (WHERE a.name = task_for.name AND COALESCE(task_for.event = ANY (t.events), true)) > 0,
                COALESCE(description, 'a task waits for ' || task_for.name)) ||
            CASE WHEN count(*) FILTER (WHERE a.name = task_for.name AND COALESCE(task_for.event = ANY (t.events), true)) > 0 THEN ''
                WHEN count(*) = 0 THEN E'\n' || diag('There is no open task.')
                ELSE E'\n' || diag('Tasks wait for ' || string_agg(a.name || ' to ' || array_to_string(t.events, ' or '), ', ' ORDER BY a.name)) END
        FROM workflow.approvals a JOIN workflow.tasks t ON t.task = a.task
        WHERE a.process = task_for.process AND a.act IS NULL;
    END;
