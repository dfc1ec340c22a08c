-- Runtimes: servers that share the work of this database, and know of each other.

-- What a runtime is up to: it works (alive; single: alone); it has ended, and there is
-- nothing to recover (dead); it has ended without a word (terminated), another one recovers
-- what it had in flight (restore), or itself, begun anew (self_restore).
CREATE TYPE workflow.runtime_state AS ENUM ('alive', 'dead', 'terminated', 'self_restore', 'restore', 'single');

-- A runtime. Written when its state changes, never by a beat, and when another server tells
-- what became of a run. Not dumped.
CREATE TABLE workflow.runtime (
    id             text COLLATE "C" PRIMARY KEY,
    kind           text COLLATE "C" NOT NULL,   -- local: the server that holds the database; remote, standby, application
    role           text COLLATE "C" NOT NULL,   -- both, interface, engine
    state          workflow.runtime_state NOT NULL,
    epoch          bigint NOT NULL,             -- random, of its present life
    login          oid NOT NULL,                -- the role that has registered it; 0: local
    approved       boolean NOT NULL,
    graced         boolean NOT NULL,            -- a start of the server gave it grace, since when it has said nothing
    restorer       text COLLATE "C",            -- who recovers it, of this epoch
    restorer_epoch bigint,
    fingerprint    text COLLATE "C",            -- of its start, as it says
    address        text COLLATE "C",            -- where it registered from
    info           jsonb,
    since          timestamptz NOT NULL,        -- in its state
    outcomes       bigint NOT NULL DEFAULT 0,   -- the highest number of an outcome that it has told
    restored_to    timestamptz                  -- it was restored from a backup: what ended later it may not have
);

-- What somebody has set for the whole cluster.
CREATE TABLE workflow.setting (
    name   text COLLATE "C" PRIMARY KEY,
    value  text COLLATE "C",                    -- null: it has its default again
    number bigint NOT NULL,                     -- counts changes of all of them
    set_by text COLLATE "C" NOT NULL,
    set_at timestamptz NOT NULL
);

-- register_runtime(id, kind, role, fingerprint, info): an application server, or another server
-- of PostgreSQL, begins to share the work.
--   id           its own, always the same one; at most 200 bytes
--   kind         'application', or another server of PostgreSQL: 'remote', or 'standby', one that
--                replays this one. The server that holds the database registers itself
--   role         both; interface: it serves calls and runs nothing; engine: it runs, and
--                serves no calls. For people, but that an interface has no turns and
--                claims nothing. One that it has already stays: set_runtime_role()
--   fingerprint  anything that is new at each start of it, and the same until it ends
--   info         what else people may want to know, an object or anything
-- Returns
--   epoch        by which it is known until it ends; null: not yet, call again after `wait`
--   state        alive; without epoch: alive, there is one with that id, and it is being
--                seen whether that one lives; restore, another one recovers what it had
--                in flight
-- What it had claimed in a life that has ended without a word, its jobs decide about now:
-- on_lost. Its life begins when the transaction has committed, and lasts as long as it beats.
-- Errors: WF018 the id is another role's, or its runtime lives elsewhere, or a worker of another
-- role has runs under that name, or single_server is on; 53400 more than
-- workflow.max_runtimes; 22004, 22001, 22023; 55000 as define(). PREPARE TRANSACTION is
-- refused after it, as after all of these that change something. Locks the row of the
-- runtime, then runs that it has.
CREATE FUNCTION workflow.register_runtime(
    id text, kind text DEFAULT 'application', role text DEFAULT 'both', fingerprint text DEFAULT NULL, info jsonb DEFAULT NULL,
    OUT epoch bigint, OUT state workflow.runtime_state, OUT wait interval)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_register_runtime';

-- beat(id, epoch, settings, files): the one call that a runtime makes each
-- alive_signal_interval, or earlier, when its turn begins.
--   settings     up to this number of `settings` it has taken changes over; null: it keeps none
--   files        changes nothing: what it has taken over confirm_files() says
-- Returns
--   ok           false: its epoch is over. It stops what it does, and registers anew
--   now          the time of the database
--   mine         it is its turn to look for work that is due,
--   mine_for     for so long it may begin some,
--   next_in      and its next turn begins so much later
--   everybody    there is so much due that all may look
--   service      it is its turn to call service_turn()
--   runs         more than 0: some may wait for it alone, that it gets by claim_placed(). Of an
--                application only if it has ever called that
--   files        how many files it has still to take over: pull_files()
--   settings     the number of the last change of a setting
--   role         as it is set now
-- Touches no table and needs no transaction id, but for the first time after a start of
-- the server or a change of a runtime or a setting. heartbeat() is the first column of it,
-- and asks for no turn.
-- Errors: WF018 another role's; 22004, 22023, 22001; 53400 more than workflow.max_runtimes or
-- workflow.max_databases; 55000 in a transaction that has changed runtimes; 25006 on a standby.
CREATE FUNCTION workflow.beat(
    id text, epoch bigint, settings bigint DEFAULT NULL, files bigint DEFAULT NULL,
    OUT ok boolean, OUT now timestamptz, OUT mine boolean, OUT mine_for interval, OUT next_in interval,
    OUT everybody boolean, OUT service boolean, OUT runs int, OUT files int, OUT settings bigint, OUT role text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_beat';
CREATE FUNCTION workflow.heartbeat(id text, epoch bigint) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_heartbeat';

-- take_turn(id, epoch, kind): is it the runtime's turn to look for work ('timer'), or for
-- runtimes to recover ('service')?
--   mine         it is, and it may begin some until `until`
--   next         when its next turn begins
--   batch        so much it takes at once, at most
--   everybody    there is so much due that all may look
-- Turns of different runtimes are timer_interval, or service_timer_interval, apart; work
-- begins in the first part of one only, see protection_interval_in_percents. They keep
-- runtimes out of each other's way; what is claimed twice nobody does twice anyway.
-- Errors: WF012 its epoch is over; others as beat().
CREATE FUNCTION workflow.take_turn(
    id text, epoch bigint, kind text DEFAULT 'timer',
    OUT mine boolean, OUT until timestamptz, OUT next timestamptz, OUT batch int, OUT everybody boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_take_turn';

-- service_turn(id, epoch): if it is the runtime's service turn, it recovers those that have
-- gone: whom it was recovering when it was interrupted, whom somebody was recovering who has
-- gone, who was silent for longest. The jobs decide what becomes of the runs they had
-- claimed.
--   decision     retry, fail; stop: it was to be cancelled; restorer: that decides
-- It does no harm to call it when it is not its turn. Skips runs that are locked, and
-- runtimes that others are at. Errors: WF012 its epoch is over, 0A000 in REPEATABLE READ and
-- above; others as beat().
CREATE FUNCTION workflow.service_turn(
    id text, epoch bigint, OUT runtime text, OUT process_or_run uuid, OUT decision text)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_service_turn';

-- work_turn(id, epoch, max, done): what a runtime does in its turn for processes and runs of the
-- server itself, where no executors do, or beside them: all that is due of the current role,
-- up to `max`: steps, runs of jobs that are not tracked, what schedules make, slices of bulk
-- operations. Returns how many were done. Each batch is a transaction; what fails gets an attempt
-- and comes later, as with executors. With each batch the runtime beats. It does no harm when
-- it is not its turn: what others are at is skipped. If more is due afterwards, beat() tells
-- everybody.
-- Errors: WF012 its epoch is over; WF002 it is an interface, or was not approved; WF018 another
-- role's; 25001 in a transaction block, a function or a savepoint; 57014 cancelled, what
-- was committed stays; 22004, 22023; 0A000 in a run; 25006.
CREATE PROCEDURE workflow.work_turn(id text, epoch bigint, max int, INOUT done int DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_work_turn';

-- recover(runtime, by): the same by hand for one, on behalf of a runtime that lives, or of
-- the server that holds the database. For workflow_admin. Errors: WF018 not registered, or
-- nobody who could recover it; WF017 it lives; others as service_turn().
CREATE FUNCTION workflow.recover(
    runtime text, by text DEFAULT NULL, OUT runtime text, OUT process_or_run uuid, OUT decision text)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_recover';

-- shutdown_runtime(id, epoch): the runtime ends, and gives back what it has claimed; no
-- attempt is counted. For its role, and workflow_admin. Errors: WF018 not registered, or
-- another role's; WF012 its epoch is over.
CREATE FUNCTION workflow.shutdown_runtime(id text, epoch bigint) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_shutdown_runtime';

-- set_runtime_role(id, role): from its next beat on, a runtime has another role. For its
-- role, and workflow_admin; that of the server that holds the database for workflow_admin.
-- As an interface, that one begins no tracked runs, and none that schedules have made; steps
-- and other runs it does. Errors: WF018, 22023.
CREATE FUNCTION workflow.set_runtime_role(id text, role text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_runtime_role';

-- approve_runtime(id): a runtime that registered while approve_runtimes was on, or that was
-- restored from a backup, may have turns and claim. remove_runtime(id): forget one that is dead. For workflow_admin. Errors: WF018
-- not registered; WF017 remove_runtime() of one that is not dead.
CREATE FUNCTION workflow.approve_runtime(id text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_approve_runtime';
CREATE FUNCTION workflow.remove_runtime(id text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_remove_runtime';

-- set_setting(name, value): set something for the whole cluster, from the next beat of each
-- runtime on; null: to its default. The view settings has the names. For workflow_admin.
-- Errors: 42704 no such setting; 22023 not a value of it; 22004; WF017 single_server is to be on
-- while others live. Waits for others who set
-- something, or register.
CREATE FUNCTION workflow.set_setting(name text, value text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_setting';

-- For the views: all settings that there are, and what runtimes that live have said.
CREATE FUNCTION workflow.setting_list(
    OUT place int, OUT name text, OUT default_value text, OUT unit text, OUT minimum int, OUT maximum int)
    RETURNS SETOF record LANGUAGE c STABLE ROWS 16 AS 'MODULE_PATHNAME', 'workflow_setting_list';
CREATE FUNCTION workflow.runtime_beats(
    OUT epoch bigint, OUT last_heartbeat timestamptz, OUT next_timer timestamptz, OUT next_service timestamptz, OUT settings bigint,
    OUT connected boolean)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_runtime_beats';

-- Who shares the work of this database. Runtimes, monitors and administrators see all, others
-- the server that holds it, and what is theirs.
--   epoch            of its present life, or of its last one
--   restorer         who recovers it
--   last_heartbeat   when it said something last; null: it does not live, or the server has
--                    started since
--   in_flight        runs that it has claimed, or executors at work
--   next_turns       {"timer": ..., "service": ...}
--   settings_agreed  it has taken over all settings
--   file_lag         the age of the oldest change of a file that it has not taken over; 0: it has all;
--                    null: it does not pull files
--   restored_to      another server that was restored from a backup: what it did of runs that have
--                    ended later it may not have any more. It does nothing until approve_runtime()
--   connected        the session in which it said something last is there still. It lives without, until
--                    it has been silent for too long
CREATE VIEW workflow.runtimes WITH (security_barrier) AS
    SELECT r.id, r.kind, r.role, r.state, r.epoch, r.restorer, b.last_heartbeat, r.since,
           CASE r.kind
               WHEN 'local' THEN (SELECT count(*) FROM workflow.workers() w WHERE w.kind = 'executor' AND w.state = 'busy' AND b.epoch IS NOT NULL)
               ELSE (SELECT count(*) FROM workflow.run n WHERE n.lease_until IS NOT NULL AND n.worker = r.id) END AS in_flight,
           CASE WHEN b.next_timer IS NOT NULL OR b.next_service IS NOT NULL THEN
               jsonb_strip_nulls(jsonb_build_object('timer', b.next_timer, 'service', b.next_service)) END AS next_turns,
           CASE WHEN r.kind = 'local' THEN b.epoch IS NOT NULL
                ELSE b.settings >= (SELECT COALESCE(max(s.number), 0) FROM workflow.setting s) END AS settings_agreed,
           CASE WHEN c.runtime IS NOT NULL THEN COALESCE((
               SELECT now() - min(f.at) FROM workflow.file f
               WHERE f.newest AND (f.xid, f.request) >= (c.xid, c.request) AND (f.size IS NOT NULL OR f.xid >= c.base)
                 AND NOT EXISTS (SELECT FROM workflow.file_receipt t WHERE t.runtime = c.runtime AND t.request = f.request
                                 AND t.error IS NULL)), '0') END AS file_lag, r.approved,
           CASE WHEN r.login <> 0 THEN pg_get_userbyid(r.login) END AS login, r.address, r.info, r.restored_to, b.connected
    FROM workflow.runtime r
    LEFT JOIN workflow.runtime_beats() b ON b.epoch = r.epoch AND r.state IN ('alive', 'self_restore', 'single')
    LEFT JOIN workflow.file_cursor c ON c.runtime = r.id
    WHERE r.kind = 'local' OR (r.login <> 0 AND pg_has_role(r.login, 'USAGE'))
       OR pg_has_role('workflow_runtime', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE') OR pg_has_role('workflow_admin', 'USAGE');

-- Settings of the whole cluster: one value of each for all runtimes.
--   unit             of value, minimum and maximum
--   agreed           all runtimes that live have taken over the last change of it
CREATE VIEW workflow.settings WITH (security_barrier) AS
    SELECT l.name, COALESCE(s.value, l.default_value) AS value, l.default_value, l.unit, l.minimum, l.maximum, s.set_by, s.set_at,
           NOT EXISTS (SELECT FROM workflow.runtime_beats() b WHERE b.settings < s.number) AS agreed
    FROM workflow.setting_list() l
    LEFT JOIN workflow.setting s ON s.name = l.name
    ORDER BY l.place;

REVOKE ALL ON TYPE workflow.runtime_state FROM PUBLIC;
GRANT USAGE ON TYPE workflow.runtime_state TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.register_runtime, workflow.beat, workflow.heartbeat, workflow.take_turn, workflow.service_turn, workflow.shutdown_runtime,
    workflow.set_runtime_role
    TO workflow_runtime, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.work_turn TO workflow_runtime, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.recover, workflow.approve_runtime, workflow.remove_runtime, workflow.set_setting TO workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.setting_list, workflow.runtime_beats TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.runtimes, workflow.settings TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
