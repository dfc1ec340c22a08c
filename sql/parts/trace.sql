-- Spans: what happened in the traces of callers, for exporters.
--
-- Functions that start, send, post, publish and make runs take a trace context, as the
-- header traceparent of the W3C has it; without one they take that of the setting
-- workflow.traceparent. It stands in the rows of what they make: process, timer, run and
-- their kin. Where there is none, nothing is stored.

-- span_id(traceparent, id, n): the id of the span of a process or a run (n = 0), or of the
-- n-th step of a process, which began in this context: the first 8 bytes of the SHA-256 of
-- the three texts, with ':' before the last one. Error 22023 for what is no context.
CREATE FUNCTION workflow.span_id(traceparent text, id uuid, n int DEFAULT 0) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_span_id';

-- Spans that have ended, of sampled traces, as far as the current role sees what they are of:
--   a step     below the context in which its event came, or the span of its process; with a
--              link to that span, where it is in another trace
--   a process  when it is over; below the context in which it was started
--   a run      when it has ended: its last attempt; below the context in which it was made,
--              or, when it is done once more, below its span of before
-- xid is that of the transaction that has written it; none, and no span, came with a dump.
CREATE VIEW workflow.ended_spans WITH (security_barrier) AS
    -- a view that is a bare UNION ALL is no barrier: the planner takes it apart
    SELECT e.trace_id, e.span_id, e.parent_span_id, e.name, e.kind, e.started_at, e.ended_at, e.status, e.status_message,
           e.attributes, e.links, e.xid
    FROM (
        SELECT s.trace_id, s.span_id, s.parent_span_id, s.name, s.kind, s.started_at, s.ended_at, s.status, s.status_message,
               s.attributes, s.links, h.xid
        FROM workflow.history h
        JOIN workflow.process p ON p.id = h.process
        JOIN workflow.definition d ON d.id = p.definition
        CROSS JOIN LATERAL (
            SELECT substr(h.traceparent, 4, 32) AS trace_id, workflow.span_id(h.traceparent, h.process, h.step) AS span_id,
                   substr(h.traceparent, 37, 16) AS parent_span_id, d.name || ' ' || h.event AS name,
                   CASE WHEN h.event = 'workflow.start' THEN 'internal' WHEN h.due IS NULL THEN 'server' ELSE 'consumer' END AS kind,
                   h.began AS started_at, GREATEST(h.at, h.began) AS ended_at, 'unset' AS status, NULL::text AS status_message,
                   jsonb_strip_nulls(jsonb_build_object(
                       'workflow.process', h.process, 'workflow.definition', d.name, 'workflow.version', d.version,
                       'workflow.key', p.key, 'workflow.tenant', p.tenant, 'workflow.actor', h.actor,
                       'workflow.step', h.step, 'workflow.event', h.event, 'workflow.taken', h.taken, 'workflow.reason', h.reason,
                       'workflow.due', h.due, 'workflow.from_states', h.from_states, 'workflow.to_states', h.to_states)) AS attributes,
                   CASE WHEN substr(p.traceparent, 4, 32) <> substr(h.traceparent, 4, 32) THEN
                       jsonb_build_array(jsonb_build_object('trace_id', substr(p.traceparent, 4, 32),
                                                            'span_id', workflow.span_id(p.traceparent, p.id))) END AS links
            WHERE right(h.traceparent, 1) IN ('1', '3')
            UNION ALL
            SELECT substr(p.traceparent, 4, 32), workflow.span_id(p.traceparent, p.id), substr(p.traceparent, 37, 16), d.name,
                   'internal', p.started_at, GREATEST(h.at, p.started_at),
                   CASE WHEN o.outcome = 'failure' THEN 'error' ELSE 'unset' END,
                   CASE WHEN o.outcome = 'failure' THEN 'ended in ' || array_to_string(p.states, ', ') END,
                   jsonb_strip_nulls(jsonb_build_object(
                       'workflow.process', p.id, 'workflow.definition', d.name, 'workflow.version', d.version,
                       'workflow.key', p.key, 'workflow.tenant', p.tenant, 'workflow.parent', p.parent,
                       'workflow.steps', p.step, 'workflow.outcome', o.outcome)),
                   NULL
            FROM (SELECT CASE WHEN p.status <> 'finalized' THEN 'cancelled'
                              WHEN p.states && d.failures THEN 'failure' ELSE 'success' END) o(outcome)
            -- its last step has ended it
            WHERE h.step = p.step AND workflow.is_over(p.status, p.states, p.step) AND right(p.traceparent, 1) IN ('1', '3')) s
        WHERE h.xid IS NOT NULL AND workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant)
        UNION ALL
        SELECT substr(h.traceparent, 4, 32), workflow.span_id(h.traceparent, h.run), substr(h.traceparent, 37, 16), j.name,
               'consumer', COALESCE(h.begun, h.ended_at), GREATEST(h.ended_at, h.begun),
               CASE WHEN h.state IN (4, 6) THEN 'error' ELSE 'unset' END,
               CASE h.state WHEN 4 THEN workflow.masked(j.owner, j.sensitive, h.error, h.params) ->> 'message'
                            WHEN 6 THEN 'expired' END,
               jsonb_strip_nulls(jsonb_build_object(
                   'workflow.run', h.run, 'workflow.job', j.name, 'workflow.version', j.version,
                   'workflow.queue', COALESCE(q.name, 'job:' || o.name), 'workflow.partition', h.partition,
                   'workflow.key', h.key, 'workflow.tenant', h.tenant, 'workflow.actor', h.actor, 'workflow.worker', h.worker,
                   'workflow.process', h.process, 'workflow.state', workflow.run_state(h.state), 'workflow.due', h.due,
                   'workflow.attempts', h.attempts + CASE h.state WHEN 3 THEN 1 ELSE 0 END, 'workflow.losses', h.losses)),
               NULL, h.xid
        FROM workflow.run_history h
        JOIN workflow.job j ON j.id = h.job
        LEFT JOIN workflow.queue q ON q.id = h.queue
        LEFT JOIN workflow.job o ON o.id = -h.queue
        WHERE h.xid IS NOT NULL AND right(h.traceparent, 1) IN ('1', '3')
          AND workflow.sees_run(j.id, h.starter) AND workflow.sees_tenant(h.tenant)) e;

-- span_position(): which transactions are seen here and now, as pg_current_snapshot() says it; on
-- a standby, too, where that one leaves out those that are under way.
CREATE FUNCTION workflow.span_position() RETURNS pg_snapshot
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_span_position';

-- spans(since, after): spans that have ended since then, the first ones first, for an exporter.
--   since       default: all that are kept
--   after       `position` of the call before: only what was committed after that one had
--               looked, whenever it ended. So nothing is told twice, nor left out because its
--               transaction took long
--   kind        server, of a command; consumer, of a run or of an event that was delivered;
--               internal
--   status      unset, error
--   links       array of {"trace_id", "span_id"}, or null
--   position    for the next call, the same in all rows. Without rows the one before is good
-- What is told is only what the current role sees (ended_spans).
CREATE FUNCTION workflow.spans(
    since timestamptz DEFAULT NULL, after pg_snapshot DEFAULT NULL,
    OUT trace_id text, OUT span_id text, OUT parent_span_id text, OUT name text, OUT kind text,
    OUT started_at timestamptz, OUT ended_at timestamptz, OUT status text, OUT status_message text,
    OUT attributes jsonb, OUT links jsonb, OUT "position" pg_snapshot)
    RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 100
BEGIN ATOMIC
    SELECT s.trace_id, s.span_id, s.parent_span_id, s.name, s.kind, s.started_at, s.ended_at, s.status, s.status_message,
           s.attributes, s.links, workflow.span_position()
    FROM workflow.ended_spans s
    -- CASE goes through the barrier of the view to the indexes, which COALESCE does not
    WHERE s.ended_at >= CASE WHEN $1 IS NULL THEN '-infinity' ELSE $1 END
      AND s.xid >= CASE WHEN $2 IS NULL THEN '0' ELSE pg_snapshot_xmin($2) END
      AND COALESCE(NOT pg_visible_in_snapshot(s.xid, $2), true)
    ORDER BY s.ended_at, s.trace_id, s.span_id;
END;

GRANT EXECUTE ON FUNCTION workflow.span_id, workflow.span_position, workflow.spans TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.ended_spans TO workflow_user, workflow_monitor, workflow_admin;
