-- Bulk operations: one thing done to many processes or runs.

-- An operation, and how far it has come. An executor of its role looks for what is due in
-- the index bulk_due.
CREATE TABLE workflow.bulk (
    id         uuid PRIMARY KEY,
    owner      int NOT NULL,                -- workflow.owner.id: the role with whose rights it is done
    act        text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,   -- of items: process, run
    filter     jsonb NOT NULL,
    changes    jsonb,
    scope      text[] COLLATE "C",          -- definitions or jobs all of whose items it may touch; null: of all
    keep_all   boolean NOT NULL,            -- also what came of items that were done
    role       text COLLATE "C" NOT NULL,   -- the name of the role, then,
    login      text COLLATE "C" NOT NULL,   -- and who had logged in
    actor      text COLLATE "C",
    note       text COLLATE "C",
    made_at    timestamptz NOT NULL,
    state      text COLLATE "C" NOT NULL DEFAULT 'waiting',
    reason     text COLLATE "C",            -- why it is paused, stopped or cancelled
    due        timestamptz,                 -- its next slice; null: none
    phase      smallint NOT NULL,           -- 0 items are counted, 1 done, 2 those that were locked are done
    source     smallint NOT NULL DEFAULT 0, -- the table of items that it is at
    position   uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',    -- items up to this one are done
    total      bigint,                      -- items, as far as they are counted
    done       bigint NOT NULL DEFAULT 0,
    skipped    bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,
    failed     bigint NOT NULL DEFAULT 0,
    locked     bigint NOT NULL DEFAULT 0,   -- to be tried again
    begun_at   timestamptz,
    last_at    timestamptz,                 -- its last slice
    paced_at   timestamptz,                 -- since then it goes on without a break,
    paced_from bigint NOT NULL DEFAULT 0,   -- and had done so many items by then
    losses     smallint NOT NULL DEFAULT 0, -- in a row that ended the server
    alone      int NOT NULL DEFAULT 0,      -- so many items are done one by one, after a loss
    attempts   smallint NOT NULL DEFAULT 0, -- that came to nothing, in a row
    ended_at   timestamptz,
    tenant     text COLLATE "C"             -- for whom it works; null: for nobody in particular
);
CREATE INDEX bulk_due ON workflow.bulk (owner, due, id) WHERE due IS NOT NULL;
CREATE INDEX bulk_ended ON workflow.bulk (ended_at) WHERE ended_at IS NOT NULL;

-- What came of an item: of those that were refused, have failed, or are locked by others;
-- of all, if they are to be kept.
CREATE TABLE workflow.bulk_item (
    bulk   uuid NOT NULL,
    item   uuid NOT NULL,                   -- the process or the run
    result text COLLATE "C" NOT NULL,       -- done, skipped, refused, failed, locked
    error  jsonb,
    tries  smallint NOT NULL DEFAULT 0,     -- after the first one
    at     timestamptz NOT NULL,
    PRIMARY KEY (bulk, item)
);
CREATE INDEX bulk_item_item ON workflow.bulk_item (item);
CREATE INDEX bulk_item_locked ON workflow.bulk_item (bulk, item) WHERE result = 'locked';

-- bulk(...): do one thing to many processes or runs. Returns at once; executors do it, a slice
-- a transaction, each item once.
--   act         processes: 'cancel', 'suspend', 'resume', 'send', 'migrate';
--               runs: 'cancel', 'redrive', 'alter'
--   filter      which ones; {}: all. Of processes, those that are not over: definition, version,
--               state (a string or a list: in one of them, or inside of it), status (the same),
--               suspended (true, false), tags and attributes (as search() has them), key, since,
--               until (started then or later, and before), ids. Of runs: job, queue, partition,
--               state (to cancel: 'waiting', 'running', by default both, 'aborting', 'failed'; to
--               redrive: 'failed', the default, 'aborted', 'expired'), key, since, until (due, or,
--               to redrive, ended), ids. Where 'cancel' leaves it open: kind, 'process' or 'run'
--   changes     send: {"event", "data"}; migrate: {"version", "mapping", "patch"}; cancel runs:
--               {"force"}; alter: as alter_runs() has them
--   actor       on whose behalf; default: current_user
--   note        why; for the history of processes, and for who looks
--   keep_all    keep what came of each item, not only of those with which it did not go well
-- Items are those that fit now, and still do when their turn comes; of those definitions and
-- jobs, or runs, that the caller may do this to. Each is done as by the function of that name,
-- with the rights that the caller has then. Errors: 22004; 22023 for what it does not know;
-- 42501; 54000 for more than 100,000 ids; WF002, WF006, WF010; of attributes and tags those of
-- search(), of changes those of alter_runs(). Locks nothing.
CREATE FUNCTION workflow.bulk(
    act text, filter jsonb, changes jsonb DEFAULT NULL, actor text DEFAULT NULL, note text DEFAULT NULL,
    keep_all boolean DEFAULT false)
    RETURNS uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_bulk';

-- pause_bulk(bulk, note): it rests, until resume_bulk(), which also lets one go on that was
-- stopped; it goes on where it was. cancel_bulk: it ends where it is; what was done stays. Each
-- returns whether that changed anything. For who has asked for it and workflow_admin. Errors:
-- 22004; WF010 no such operation; WF002. They lock it, for which they wait for a slice.
CREATE FUNCTION workflow.pause_bulk(bulk uuid, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_pause_bulk';
CREATE FUNCTION workflow.resume_bulk(bulk uuid) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume_bulk';
CREATE FUNCTION workflow.cancel_bulk(bulk uuid, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_cancel_bulk';

-- CALL await_bulk(bulk, timeout, state): wait until nothing more is done of it: it has ended, is
-- paused or stopped; `state` becomes how it stands. Errors: 22004, WF010, WF002; 57014 after the
-- timeout; 25001 in a transaction block; 25006 on a standby. Locks nothing.
CREATE PROCEDURE workflow.await_bulk(bulk uuid, timeout interval DEFAULT '30 seconds', INOUT state text DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await_bulk';

-- work_bulks(max): do up to `max` items of one operation of the current role that is due, in this
-- transaction, as its executor would; where none is due, what a rule of retention has an archive for
-- goes there. Returns how many; 1 also for a look at the tables; 0: nothing is due. Errors: 22004,
-- 22023. Locks the operation or the rule, and the items, skipping those that are locked.
CREATE FUNCTION workflow.work_bulks(max int DEFAULT 100) RETURNS int
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_work_bulks';

-- Who has asked for an operation sees it, and so do members of that role, administrators and
-- monitors. processed: items that are dealt with for good; rate: of them, a second; eta: when
-- it may be through. What may be data of processes and runs, in filter and changes, is only for
-- that role. Rows are kept as history is.
CREATE VIEW workflow.bulks WITH (security_barrier) AS
    SELECT b.id, b.act, b.kind,
           CASE WHEN m.mine THEN b.filter ELSE b.filter || x.filter END AS filter,
           CASE WHEN m.mine THEN b.changes ELSE b.changes || x.changes END AS changes, b.state,
           CASE WHEN b.due IS NOT NULL AND NOT COALESCE(r.rolcanlogin, false)
                THEN 'the role may not log in' ELSE b.reason END AS reason,
           b.role, b.login, b.actor, b.note, b.made_at AS since, b.total,
           n.processed, b.done, b.skipped, b.refused, b.failed, b.locked, round(n.rate, 1) AS rate,
           CASE WHEN b.due IS NOT NULL AND b.phase > 0 AND n.rate > 0 AND b.total >= n.processed
                THEN b.last_at + (b.total - n.processed)::float8 / n.rate::float8 * interval '1 second' END AS eta,
           b.begun_at, b.last_at, b.ended_at, b.keep_all, b.tenant
    FROM workflow.bulk b
    CROSS JOIN LATERAL (
        SELECT m.processed,
               CASE WHEN b.last_at > b.paced_at
                    THEN (m.processed - b.paced_from)::numeric / extract(epoch FROM b.last_at - b.paced_at) END
        FROM (SELECT b.done + b.skipped + b.refused + b.failed) m(processed)) n(processed, rate)
    LEFT JOIN workflow.owner o ON o.id = b.owner AND o.role <> 0
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = o.role
    CROSS JOIN LATERAL (SELECT r.oid IS NOT NULL AND pg_has_role(r.oid, 'USAGE')) m(mine)
    CROSS JOIN LATERAL (
        SELECT COALESCE(jsonb_object_agg(k.key, '***') FILTER (WHERE k.key = 'attributes' AND b.filter ? k.key), '{}'),
               COALESCE(jsonb_object_agg(k.key, '***') FILTER (WHERE k.key <> 'attributes' AND b.changes ? k.key), '{}')
        FROM unnest('{attributes,data,patch,params}'::text[]) k(key)) x(filter, changes)
    WHERE (m.mine OR pg_has_role('workflow_admin', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE'))
      AND workflow.sees_tenant(b.tenant);

-- What came of items, for who sees the operation.
CREATE VIEW workflow.bulk_items WITH (security_barrier) AS
    SELECT i.bulk, i.item, i.result, i.error ->> 'code' AS code,
           workflow.masked_text(s.owner, s.sensitive, i.error ->> 'message', s.truth, s.given) AS message,
           workflow.masked_text(s.owner, s.sensitive, i.error ->> 'detail', s.truth, s.given) AS detail, i.tries, i.at, b.tenant
    FROM workflow.bulk_item i JOIN workflow.bulks b ON b.id = i.bulk
    LEFT JOIN LATERAL (
        SELECT d.owner, d.sensitive, p.context, (SELECT COALESCE(t.changes -> 'data', t.changes -> 'patch') FROM workflow.bulk t WHERE t.id = i.bulk)
        FROM workflow.process p JOIN workflow.definition d ON d.id = p.definition WHERE p.id = i.item
        UNION ALL
        SELECT j.owner, j.sensitive, u.params, (SELECT t.changes FROM workflow.bulk t WHERE t.id = i.bulk) -> 'params'
        FROM (SELECT r.job, r.params FROM workflow.run r WHERE r.id = i.item
              UNION ALL SELECT h.job, h.params FROM workflow.run_history h WHERE h.run = i.item) u
        JOIN workflow.job j ON j.id = u.job LIMIT 1) s(owner, sensitive, truth, given) ON true
    WHERE workflow.sees_tenant(b.tenant);

GRANT EXECUTE ON FUNCTION
    workflow.bulk, workflow.pause_bulk, workflow.resume_bulk, workflow.cancel_bulk, workflow.work_bulks
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await_bulk TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.bulks, workflow.bulk_items TO workflow_user, workflow_monitor, workflow_admin;
