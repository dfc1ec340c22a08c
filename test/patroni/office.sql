-- What the three servers of test/patroni/run do. Each thing that is done leaves a row, without
-- a key that would hide a second one.
CREATE EXTENSION workflow;
CREATE ROLE clerk LOGIN;
GRANT workflow_user TO clerk;
CREATE SCHEMA office AUTHORIZATION clerk;
SET ROLE clerk;

CREATE TABLE office.note (kind text, client int, n int, step int DEFAULT 0, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION office.command(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO office.note (kind, client, n) VALUES (event->>'type', (event->'data'->>'client')::int, (event->'data'->>'n')::int)
$$;
CREATE FUNCTION office.tick(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO office.note (kind, client, n) VALUES ('tick', (context->>'clock')::int, (context->>'n')::int)
$$;
CREATE FUNCTION office.atomic(params jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO office.note (kind, client, n) VALUES ('atomic', (params->>'client')::int, (params->>'n')::int)
$$;
CREATE PROCEDURE office.tracked(params jsonb) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 3 LOOP
        IF workflow.checkpoint('step ' || i) IS NULL THEN
            INSERT INTO office.note (kind, client, n, step) VALUES ('tracked', (params->>'client')::int, (params->>'n')::int, i);
            PERFORM workflow.save_checkpoint('step ' || i, 'true');
            COMMIT;
        END IF;
    END LOOP;
END $$;
-- One that is under way when the leader is to go.
CREATE PROCEDURE office.long(params jsonb) LANGUAGE plpgsql AS $$
BEGIN
    IF workflow.checkpoint('begun') IS NULL THEN
        PERFORM workflow.save_checkpoint('begun', 'true');
        COMMIT;
        PERFORM pg_sleep(3600);
    END IF;
    INSERT INTO office.note (kind, client, n) VALUES ('long', 0, (params->>'n')::int);
END $$;

SELECT workflow.define('{"id": "counter", "initial": "at work", "states": {"at work": {"on": {
    "command": {"actions": "office.command"}, "posted": {"actions": "office.command"}}}}}');
SELECT workflow.define('{"id": "clock", "initial": "tick", "context": {"clock": 0, "n": 0},
    "states": {"tick": {"after": {"100": {"target": "tick", "reenter": true, "actions": ["office.tick",
        {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}]}}}}}');
SELECT workflow.create_job('atomic', 'office.atomic'), workflow.create_job('tracked', 'office.tracked', mode => 'tracked'),
    workflow.create_job('long', 'office.long', mode => 'tracked');
SELECT workflow.start('counter', key => i::text), workflow.start('clock', jsonb_build_object('clock', i)) FROM generate_series(1, 3) i;

-- A round is acknowledged by a notice, which is sent when its commit is through. The first one of a
-- session may be there already: its client has heard nothing of it.
CREATE PROCEDURE office.client(number int, first int) LANGUAGE plpgsql AS $$
DECLARE
    what jsonb;
BEGIN
    FOR i IN first .. 1000000 LOOP
        what := jsonb_build_object('client', number, 'n', i);
        IF NOT EXISTS (SELECT FROM office.note o WHERE (o.kind, o.client, o.n) = ('command', number, i)) THEN
            ASSERT (SELECT s.taken FROM workflow.send_by_key('counter', number::text, 'command', what, id => format('%s %s', number, i)) s);
            PERFORM workflow.post_by_key('counter', number::text, 'posted', what, clock_timestamp() + interval '200 ms');
            PERFORM workflow.run_job('atomic', what);
            IF i % 5 = 0 THEN PERFORM workflow.run_job('tracked', what); END IF;
        END IF;
        COMMIT;
        RAISE NOTICE 'acknowledged %', i;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;

-- What does not hold; nothing, when all is well. acknowledged: [client, the last n] of each.
CREATE FUNCTION office.faults(acknowledged jsonb) RETURNS TABLE (fault text) LANGUAGE sql AS $$
    SELECT format('%s %s of client %s: %s times', kind, n, client, count(*)) FROM office.note GROUP BY kind, client, n, step HAVING count(*) <> 1
    UNION ALL
    SELECT format('round %s of client %s: %s', n, client, array_agg(kind || ' ' || step ORDER BY kind, step))
    FROM office.note WHERE kind NOT IN ('tick', 'long') GROUP BY client, n
    HAVING array_agg(kind || ' ' || step ORDER BY kind, step) <> ARRAY['atomic 0', 'command 0', 'posted 0'] ||
        CASE WHEN n % 5 = 0 THEN '{tracked 1,tracked 2,tracked 3}'::text[] ELSE '{}' END
    UNION ALL
    SELECT format('lost: %s of client %s', n, a->>0) FROM jsonb_array_elements(acknowledged) a, generate_series(1, (a->>1)::int) n
    WHERE NOT EXISTS (SELECT FROM office.note o WHERE (o.kind, o.client, o.n) = ('command', (a->>0)::int, n))
    UNION ALL
    SELECT format('tick %s of clock %s comes after %s', n, client, before)
    FROM (SELECT client, n, lag(n, 1, -1) OVER (PARTITION BY client ORDER BY n) AS before FROM office.note WHERE kind = 'tick') t WHERE n <> before + 1
    UNION ALL
    SELECT format('early: %s of %s', event, process) FROM workflow.process_history WHERE at < due
$$;
