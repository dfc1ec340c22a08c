-- Events whose step failed.

-- An event whose step failed: retried (its timer is still there), given up, or
-- handled by the definition, which has a transition for that.
CREATE TABLE workflow.failure (
    process  uuid NOT NULL,
    seq      bigint NOT NULL,           -- of its timer
    at       timestamptz NOT NULL,
    due      timestamptz NOT NULL,      -- of the event, as first scheduled
    attempts int NOT NULL,
    given_up boolean NOT NULL,
    event    text COLLATE "C" NOT NULL,
    name     text COLLATE "C",
    state    text COLLATE "C",
    actor    text COLLATE "C",
    data     jsonb,
    child    uuid,
    sqlstate text COLLATE "C" NOT NULL,
    message  text NOT NULL,
    detail   text,
    hint     text,
    context  text,
    since    timestamptz,               -- when it failed first; null: 0.1.0 did not note it
    handled  boolean NOT NULL DEFAULT false, -- the process was told (on_error), and has gone on; not given_up
    handler  text COLLATE "C",          -- what took what told it: state and event
    step     int,                       -- how many steps the process had done by then
    told     bigint,                    -- seq of the event that told it
    PRIMARY KEY (process, seq)
);

-- Who has started a process, and may not read its definition, is told what
-- happened, and not where in the owner's functions, nor what is in the owner's
-- tables ("Failing row contains ...").
CREATE VIEW workflow.errors WITH (security_barrier) AS
    SELECT f.process, d.name AS definition, p.key, p.status, p.states, f.event, f.attempts, f.given_up, f.at,
           f.sqlstate, workflow.masked_text(d.owner, d.sensitive, f.message, p.context, e.data) AS message,
           CASE WHEN workflow.may(d.id, 'read') THEN workflow.masked_text(d.owner, d.sensitive, f.detail, p.context, e.data) END AS detail,
           CASE WHEN workflow.may(d.id, 'read') THEN workflow.masked_text(d.owner, d.sensitive, f.hint, p.context, e.data) END AS hint,
           CASE WHEN workflow.may(d.id, 'read') THEN workflow.masked_text(d.owner, d.sensitive, f.context, p.context, e.data) END AS context,
           f.due, f.actor, workflow.masked(d.owner, d.sensitive, e.data, p.context) AS data,
           f.name, f.state, f.since, f.handled, p.tenant
    FROM workflow.failure f
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) f.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    CROSS JOIN LATERAL (SELECT CASE WHEN f.child OPERATOR(pg_catalog.=) 'ffffffff-ffff-ffff-ffff-ffffffffffff'
                                    THEN f.data -> 'data' ELSE f.data END) e(data)
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

GRANT SELECT ON workflow.errors TO workflow_user, workflow_monitor, workflow_admin;

