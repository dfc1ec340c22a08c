-- What the measures run on: definitions, their actions, and for `send` a
-- PL/pgSQL function that writes by hand what the engine writes.

\set ON_ERROR_STOP 1
SET client_min_messages = warning;

GRANT workflow_user TO bench;
CREATE SCHEMA bench AUTHORIZATION bench;
SET ROLE bench;
SET search_path = bench;

-- drain: a due timer, a guard, an assignment, a final state.
SELECT workflow.define($$
{
  "id": "drain",
  "initial": "waiting",
  "context": {"n": 0, "customer": "c-17", "total": 250},
  "states": {
    "waiting": {
      "after": {
        "1 millisecond": {
          "guard": {"@expr": "(context->>'total')::numeric > 100"},
          "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>'n')::int + 1"}}},
          "target": "done"
        }
      }
    },
    "done": {"type": "final"}
  }
}$$);

-- drain_backlog: the others, that wait.
SELECT workflow.define($$
{
  "id": "backlog",
  "initial": "waiting",
  "context": {"n": 0, "customer": "c-17", "total": 250},
  "states": {"waiting": {"after": {"30 days": "done"}}, "done": {"type": "final"}}
}$$);

-- drain_finished: those that are over, each as soon as it is started.
SELECT workflow.define($$
{
  "id": "finished",
  "initial": "done",
  "context": {"customer": "c-17", "total": 250},
  "states": {"done": {"type": "final"}}
}$$);

-- drain_start_at: the same guard and assignment in the step that starts.
SELECT workflow.define($$
{
  "id": "at_once",
  "initial": "waiting",
  "context": {"n": 0, "customer": "c-17", "total": 250},
  "states": {
    "waiting": {
      "always": {
        "guard": {"@expr": "(context->>'total')::numeric > 100"},
        "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>'n')::int + 1"}}},
        "target": "done"
      }
    },
    "done": {"type": "final"}
  }
}$$);

-- drain_one_instant: drain, and each timer is due at the same instant.
SELECT workflow.define($$
{
  "id": "drain_instant",
  "initial": "waiting",
  "context": {"n": 0, "customer": "c-17", "total": 250},
  "delays": {"instant": {"@expr": "to_timestamp(1767225600)"}},
  "states": {
    "waiting": {
      "after": {
        "instant": {
          "guard": {"@expr": "(context->>'total')::numeric > 100"},
          "actions": {"type": "assign", "context": {"n": {"@expr": "(context->>'n')::int + 1"}}},
          "target": "done"
        }
      }
    },
    "done": {"type": "final"}
  }
}$$);

-- drain_function: drain, a function in place of the assignment's expression;
-- and small_transactions, which also start.
CREATE FUNCTION count_up(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('n', (context->>'n')::int + 1)
$$;
SELECT workflow.define($$
{
  "id": "drain_function",
  "initial": "waiting",
  "context": {"n": 0, "customer": "c-17", "total": 250},
  "states": {
    "waiting": {
      "after": {
        "1 millisecond": {
          "guard": {"@expr": "(context->>'total')::numeric > 100"},
          "actions": "bench.count_up",
          "target": "done"
        }
      }
    },
    "done": {"type": "final"}
  }
}$$);
SELECT workflow.define($$
{
  "id": "at_once_function",
  "initial": "waiting",
  "context": {"n": 0, "customer": "c-17", "total": 250},
  "states": {
    "waiting": {
      "always": {
        "guard": {"@expr": "(context->>'total')::numeric > 100"},
        "actions": "bench.count_up",
        "target": "done"
      }
    },
    "done": {"type": "final"}
  }
}$$);

-- workflow3: three steps, each in a transaction of its own after the one
-- before, each a function that writes a row.
CREATE TABLE step_row (process text, step int, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION step(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bench.step_row VALUES (context->>'number', (params->>'step')::int)
$$;
SELECT workflow.define($$
{
  "id": "workflow3",
  "initial": "one",
  "context": {"number": 0},
  "states": {
    "one":   {"after": {"0": {"target": "two",   "actions": {"type": "bench.step", "params": {"step": 1}}}}},
    "two":   {"after": {"0": {"target": "three", "actions": {"type": "bench.step", "params": {"step": 2}}}}},
    "three": {"after": {"0": {"target": "done",  "actions": {"type": "bench.step", "params": {"step": 3}}}}},
    "done":  {"type": "final"}
  }
}$$);

-- send: to and fro, a timer given up and another one set at each.
SELECT workflow.define($$
{
  "id": "door",
  "initial": "open",
  "context": {"customer": "c-17", "total": 250},
  "states": {
    "open":   {"on": {"push": "closed"}, "after": {"1 hour": "closed"}},
    "closed": {"on": {"push": "open"},   "after": {"2 hours": "open"}}
  }
}$$);
CREATE TABLE door (n int PRIMARY KEY, process uuid);

-- latency: an action that notes when it began.
CREATE TABLE seen (n int, at timestamptz);
CREATE FUNCTION note(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench.seen VALUES ((event->'data'->>'n')::int, clock_timestamp());
END $$;
SELECT workflow.define($$
{
  "id": "bell",
  "initial": "quiet",
  "states": {"quiet": {"on": {"ring": {"actions": "bench.note"}}}}
}$$);

-- locked: what somebody holds, and clocks of the same owner that go on meanwhile.
SELECT workflow.define($$
{
  "id": "lamp",
  "initial": "on",
  "context": {"n": 0},
  "states": {"on": {"on": {"note": {"actions": {"type": "assign", "context": {"n": {"@expr": "(context->>'n')::int + 1"}}}}}}}
}$$);
SELECT workflow.define($$
{
  "id": "clock",
  "initial": "set",
  "context": {"offset": 0},
  "delays": {"offset": {"@expr": "(context->>'offset')::int"}},
  "states": {
    "set": {"after": {"offset": "going"}},
    "going": {"after": {"1 second": {"target": "going", "reenter": true}}}
  }
}$$);

-- Jobs: one that does nothing, the same with limits that nobody reaches, one of outside
-- workers, and those that take time or note when they began.
CREATE FUNCTION no_op(params jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION nap(params jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(2)';
CREATE FUNCTION note_run(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench.seen VALUES ((params->>'n')::int, clock_timestamp());
END $$;
SELECT workflow.create_queue('wide', max_parallel => 1000000, partition_limit => 1000000);
SELECT workflow.create_limit('plenty', max => 1000000);
SELECT workflow.create_queue('outside');
SELECT workflow.create_job('no_op', 'bench.no_op');
SELECT workflow.create_job('limited', 'bench.no_op', queue => 'wide', partition => 'p', limits => '{"plenty": 1}');
SELECT workflow.create_job('outside', queue => 'outside');
SELECT workflow.create_job('nap', 'bench.nap', mode => 'tracked');
SELECT workflow.create_job('note', 'bench.note_run');
SELECT workflow.create_queue('narrow', partition_limit => 1);
SELECT workflow.create_job('holder', queue => 'narrow', partition => 'full');
SELECT workflow.create_job('behind', 'bench.no_op', queue => 'narrow', partition => 'full');
SELECT workflow.create_job('beside', 'bench.note_run', queue => 'narrow', partition => 'free');

-- inbox: a task for a person and for a crowd.
SELECT workflow.define($$
{
  "id": "ask",
  "initial": "open",
  "context": {"person": null, "crowd": null},
  "states": {
    "open": {
      "task": {"for": {"@expr": "jsonb_build_array(context->>'person', context->>'crowd')"}, "title": "Approve"},
      "on": {"yes": "done", "no": "done"}
    },
    "done": {"type": "final"}
  }
}$$);

-- table_load: a run of each row.
CREATE TABLE loaded (id int, customer text, amount numeric, at timestamptz);
SELECT workflow.create_table_trigger('loaded', 'bench.loaded', 'insert', 'no_op');

RESET ROLE;

-- table_load's reference. A row of a table like that of runs for each row, with the same in
-- it, and ids that follow each other.
CREATE TABLE bench.hand_run (LIKE workflow.run INCLUDING ALL) WITH (fillfactor = 80);
CREATE TABLE bench.loaded_by_hand (LIKE bench.loaded);
CREATE FUNCTION bench.make_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench.hand_run (id, executor, queue, root, part, level, due, ready, state, attempts, losses, job, placed, starter, started_by, params, actor, ordered)
    SELECT (to_char(clock_timestamp(), 'YYYYMMDD') || lpad(n.id::text, 24, '0'))::uuid, 1, -1, 1, 0, 0, now(), true, 0, 0, 0, 1, now(), 10, current_user,
           jsonb_build_object('by', session_user, 'op', 'insert', 'new', to_jsonb(n), 'old', NULL, 'table', 'bench.loaded'), session_user, false
    FROM new n;
    RETURN NULL;
END $$;
CREATE TRIGGER make AFTER INSERT ON bench.loaded_by_hand REFERENCING NEW TABLE AS new
    FOR EACH STATEMENT EXECUTE FUNCTION bench.make_by_hand();
ALTER TABLE bench.hand_run OWNER TO bench;
ALTER TABLE bench.loaded_by_hand OWNER TO bench;
ALTER FUNCTION bench.make_by_hand OWNER TO bench;

-- send's reference. The same writes by hand, into tables like the engine's:
-- lock the process, choose the next state, one timer goes, one comes, a line
-- of history.
CREATE TABLE bench.hand_process (LIKE workflow.process INCLUDING ALL) WITH (fillfactor = 60);
CREATE TABLE bench.hand_timer (LIKE workflow.timer INCLUDING ALL);
CREATE TABLE bench.hand_history (LIKE workflow.history INCLUDING ALL);
CREATE FUNCTION bench.push(door uuid, OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    it bench.hand_process;
    target text;
    pause interval;
BEGIN
    SELECT * INTO STRICT it FROM bench.hand_process WHERE id = door FOR NO KEY UPDATE;
    IF it.states = '{open}' THEN
        target := 'closed';
        pause := '2 hours';
    ELSE
        target := 'open';
        pause := '1 hour';
    END IF;
    UPDATE bench.hand_process p
    SET states = ARRAY[target], step = p.step + 1, updated_at = clock_timestamp() WHERE id = door;
    DELETE FROM bench.hand_timer WHERE process = door;
    INSERT INTO bench.hand_timer (process, due, owner, event, name, state)
    VALUES (door, clock_timestamp() + pause, 1, 'after', pause::text, target);
    INSERT INTO bench.hand_history (process, at, step, taken, event, from_states, to_states, actor, slot)
    VALUES (door, clock_timestamp(), it.step + 1, true, 'push', it.states, ARRAY[target], current_user, 0);
    taken := true;
    status := 'idled';
    states := ARRAY[target];
    context := it.context;
END $$;
ALTER TABLE bench.hand_process OWNER TO bench;
ALTER TABLE bench.hand_timer OWNER TO bench;
ALTER TABLE bench.hand_history OWNER TO bench;
ALTER FUNCTION bench.push OWNER TO bench;
