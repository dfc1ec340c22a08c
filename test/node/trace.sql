-- Play a definition, and write down where it goes: to start with, then after
-- each of a few steps, in which a second passes and a command that it would
-- take is sent, another one each time. For test/conformance.d/world.sql.
CREATE PROCEDURE conformance.trace(definition text, INOUT trace json) LANGUAGE plpgsql AS $$
DECLARE
    process uuid;
    command text;
    steps json[];
BEGIN
    CALL conformance.start(definition, process);
    steps := ARRAY[json_build_object('ms', 0, 'event', NULL, 'states', conformance.look(process)->'states')];
    FOR i IN 1 .. 12 LOOP
        EXIT WHEN (SELECT status IN ('finalized', 'terminated') FROM workflow.get(process));
        CALL conformance.pass(1000);
        EXIT WHEN (SELECT status IN ('finalized', 'terminated') FROM workflow.get(process));
        command := NULL;
        SELECT e.event INTO command
        FROM workflow.available_events(process) WITH ORDINALITY e (event, enabled, n)
        WHERE e.enabled AND e.event !~ '[*]$' AND e.event !~ '^(done|error|after)\.'
        ORDER BY (e.n * 7 + i * 5) % 11, e.n LIMIT 1;
        CALL conformance.step(process, 0, command, NULL);
        steps := steps || json_build_object('ms', 1000, 'event', command, 'states', conformance.look(process)->'states');
    END LOOP;
    trace := array_to_json(steps);
END
$$;
GRANT EXECUTE ON PROCEDURE conformance.trace(text, json) TO author;
