-- This server as a runtime of another one, whose runs it does here: workflow.remote.

-- As which role runs of jobs of an owner of the other server are done here.
CREATE TABLE workflow.owner_map_entry (
    remote_owner text COLLATE "C" PRIMARY KEY,
    local_role   text COLLATE "C" NOT NULL
);

-- What became of a run of the other server. Written by the transaction that has done the
-- work; kept for a day after the other server has heard of it, the last one for longer.
CREATE TABLE workflow.outcome (
    run      uuid NOT NULL,
    round    int NOT NULL,              -- of the run: another one for each attempt
    fence    bigint NOT NULL,           -- of the claim under which it is told
    result   jsonb,
    error    jsonb,                     -- null: it has finished, or waits
    said     jsonb,                     -- what its code has said of it, see run_said.c; null: nothing
    number   bigint GENERATED ALWAYS AS IDENTITY,
    ended_at timestamptz NOT NULL,
    told_at  timestamptz,               -- the other server has heard of it,
    taken    boolean,                   -- and the run was this server's still
    PRIMARY KEY (run, round)
);
CREATE INDEX outcome_number ON workflow.outcome (number);
CREATE INDEX outcome_untold ON workflow.outcome (number) WHERE told_at IS NULL;
CREATE INDEX outcome_told ON workflow.outcome (told_at) WHERE told_at IS NOT NULL;

-- map_owner(remote_owner, local_role): runs of jobs that a role of the other server owns are
-- done here as a role of this one, which decides what they may; instead of another one, if
-- there was one. Without an entry they fail.
--   remote_owner  a role of the other server, by its name there
--   local_role    a role of this one that may log in, and is no superuser, nor may SET ROLE to one
-- For members of workflow_admin who may SET ROLE to it: whoever owns jobs there chooses
-- what is done. Errors: WF002, 42704 no such role, 22023 it may not log in, or is a
-- superuser; 22004, 22001.
CREATE FUNCTION workflow.map_owner(remote_owner text, local_role name) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_map_owner';

-- unmap_owner(remote_owner): they are done no more. False: they were not. For
-- workflow_admin.
CREATE FUNCTION workflow.unmap_owner(remote_owner text) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_unmap_owner';

-- accept_remote(system_identifier): go on with the server that the link has found where
-- another one was before, see the view membership. For superusers. Errors: 42501, 22004;
-- 55000 the link has found no such server.
CREATE FUNCTION workflow.accept_remote(system_identifier text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_accept_remote';

-- For the view below.
CREATE FUNCTION workflow.membership_state(
    OUT state text, OUT since timestamptz, OUT id text, OUT epoch bigint, OUT system_identifier text, OUT timeline bigint,
    OUT asked text, OUT trouble text, OUT link_pid int, OUT courier_pid int, OUT executors int)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_membership_state';

-- This server as a runtime of another one.
--   state              none, connecting, waiting: it is being seen whether another runtime has the
--                      id; alive; refused: somebody has to do something, see trouble
--   epoch              under which it claims; null: it does not
--   system_identifier  of the other server
--   asked              of another one that is there now, and that nobody has accepted
--   trouble            what is wrong
CREATE VIEW workflow.membership WITH (security_barrier) AS
    SELECT m.state, m.since, m.id, m.epoch, m.system_identifier, m.timeline, m.asked, m.trouble, m.link_pid, m.courier_pid, m.executors
    FROM workflow.membership_state() m;

-- Whose runs are done here, and as whom.
CREATE VIEW workflow.owner_map WITH (security_barrier) AS
    SELECT m.remote_owner, m.local_role FROM workflow.owner_map_entry m;

-- What became of runs of the other server.
--   state     finished, failed; parked: it waits, and begins anew
--   said      of it by its code: {"progress": ..., "lines": [[at, severity, message, data], ...],
--             "park": [until, event]}, each of which may be missing
--   told_at   the other server has heard of it
--   taken     the run was this server's still
CREATE VIEW workflow.outcomes WITH (security_barrier) AS
    SELECT o.run, o.round, CASE WHEN o.error IS NOT NULL THEN 'failed' WHEN o.said ? 'park' THEN 'parked' ELSE 'finished' END AS state,
           o.result, o.error, o.number, o.ended_at, o.told_at, o.taken, o.said
    FROM workflow.outcome o;

GRANT EXECUTE ON FUNCTION workflow.map_owner, workflow.unmap_owner TO workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.membership_state TO workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.membership, workflow.owner_map TO workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.outcomes TO workflow_admin;
