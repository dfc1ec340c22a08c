-- What people look at. Each shows what the current role may read: what it
-- owns, started, or was granted, everything for workflow_monitor and
-- workflow_admin.

CREATE VIEW workflow.definitions WITH (security_barrier) AS
    SELECT d.id, d.name, d.version, o.name AS owner, d.created_at, d.search_path, d.time_zone, d.functions, d.source, d.chart
    FROM workflow.definition d JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner
    WHERE workflow.may(d.id, 'read');

CREATE VIEW workflow.processes WITH (security_barrier) AS
    SELECT p.id, d.name AS definition, d.version, p.key, p.status, p.suspended, p.states, p.context,
           p.step, p.started_by, p.started_at, p.updated_at, p.output, p.parent, p.invoke, p.children
    FROM workflow.process p JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

CREATE VIEW workflow.timers WITH (security_barrier) AS
    SELECT t.process, d.name AS definition, p.key, t.seq, t.event, t.name, t.state, t.due, t.parked, t.attempts, t.actor, t.data
    FROM workflow.timer t
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE (workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER))
      -- what was posted to a process that has ended since will not be delivered
      AND p.status OPERATOR(pg_catalog.<>) 'finalized'
      AND NOT (p.status OPERATOR(pg_catalog.=) 'terminated' AND p.states OPERATOR(pg_catalog.=) '{}');

CREATE VIEW workflow.process_history WITH (security_barrier) AS
    SELECT h.process, d.name AS definition, p.key, h.step, h.at, h.event, h.taken, h.from_states, h.to_states,
           h.due, h.actor, h.data, h.reason
    FROM workflow.history h
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) h.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

CREATE VIEW workflow.deferred_events WITH (security_barrier) AS
    SELECT e.process, d.name AS definition, p.key, e.seq, e.event, e.state, e.at, e.name, e.actor, e.data
    FROM workflow.deferred e
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) e.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

-- Who has started a process, and may not read its definition, is told what
-- happened, and not where in the owner's functions, nor what is in the owner's
-- tables ("Failing row contains ...").
CREATE VIEW workflow.errors WITH (security_barrier) AS
    SELECT f.process, d.name AS definition, p.key, p.status, p.states, f.event, f.attempts, f.given_up, f.at,
           f.sqlstate, f.message,
           CASE WHEN workflow.may(d.id, 'read') THEN f.detail END AS detail,
           CASE WHEN workflow.may(d.id, 'read') THEN f.hint END AS hint,
           CASE WHEN workflow.may(d.id, 'read') THEN f.context END AS context,
           f.due, f.actor, f.data, f.name, f.state, f.since
    FROM workflow.failure f
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) f.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

-- Functions that are not what they were when a definition was stored.
CREATE VIEW workflow.drift WITH (security_barrier) AS
    SELECT d.name AS definition, d.version, f.signature AS function,
           CASE WHEN s.hash IS NULL THEN 'missing' WHEN NOT s.allowed THEN 'not allowed' ELSE 'changed' END AS problem,
           f.hash AS defined, s.hash AS present
    FROM workflow.definition d
    JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner
    CROSS JOIN LATERAL pg_catalog.jsonb_each_text(d.functions) f(signature, hash)
    CROSS JOIN LATERAL workflow.function_state(f.signature, o.role) s
    WHERE workflow.may(d.id, 'read') AND (s.hash IS DISTINCT FROM f.hash OR NOT s.allowed);

CREATE VIEW workflow.pauses WITH (security_barrier) AS
    SELECT u.definition, o.name AS owner, u.at, u.by
    FROM workflow.pause u JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) u.owner
    WHERE workflow.may((SELECT d.id FROM workflow.definition d WHERE d.name OPERATOR(pg_catalog.=) u.definition
                        ORDER BY d.version DESC LIMIT 1), 'read');

CREATE VIEW workflow.erasures WITH (security_barrier) AS
    SELECT e.process, e.at, o.name AS owner
    FROM workflow.erasure e JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) e.owner
    WHERE pg_catalog.pg_has_role(o.role, 'USAGE') OR pg_catalog.pg_has_role('workflow_admin', 'USAGE')
       OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE');

-- Whoever may use workflows may count in any calendar.
CREATE VIEW workflow.calendars WITH (security_barrier) AS
    SELECT c.name, o.name AS owner, c.at, c.calendar
    FROM workflow.calendar c JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) c.owner;

CREATE VIEW workflow.activity WITH (security_barrier) AS
    SELECT a.kind, a.pid, o.name AS owner, a.state, a.since, a.steps, a.batches, a.wait_reason
    FROM workflow.runtime_activity() a
    LEFT JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) a.owner;

