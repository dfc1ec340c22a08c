-- Jobs: named, versioned pieces of work.

-- A version of a job; never changed once written but for its owner and for being
-- dropped. Runs keep the version that they were made with.
CREATE TABLE workflow.job (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text COLLATE "C" NOT NULL,
    version      int NOT NULL,
    root         int NOT NULL,          -- the id of the first version of this name
    owner        int NOT NULL,          -- workflow.owner.id: as whom it runs
    mode         smallint NOT NULL,     -- 0 atomic, 1 tracked, 2 outside: workers claim its runs
    queue        int NOT NULL,          -- queue.id; -root: its own
    command      text,                  -- null: outside
    call         jsonb,                 -- what the command was found to mean
    parameters   jsonb,                 -- canonical; null: any
    retry        jsonb,                 -- null: by the settings
    timeout      interval,
    priority     smallint NOT NULL,
    partition    text COLLATE "C",
    limits       jsonb,                 -- name -> units
    on_lost      text COLLATE "C" NOT NULL,
    cache        jsonb,
    result       text,                  -- a type, or none
    start_within interval,
    description  text,
    search_path  text NOT NULL,         -- for its code, as it was at create_job(), pg_temp last
    time_zone    text NOT NULL,         -- the same
    created_at   timestamptz NOT NULL,
    dropped_at   timestamptz,
    sensitive    text[],                -- JSON pointers to parameters that only the owner sees; null: none
    calls        jsonb,                 -- what its code was found to call, by its path; null: nothing is looked up
    UNIQUE (name, version)
);

-- The result of a version of a job, for those who call it with the same parameters: the
-- newest row counts. Not unique, so that nobody waits who keeps a result. Not dumped.
CREATE TABLE workflow.job_cache (
    job        int NOT NULL,            -- job.id
    id         uuid NOT NULL,           -- in the order in which they were made
    hash       bigint NOT NULL,         -- of params
    owner      int NOT NULL,            -- as which one it was done
    params     jsonb NOT NULL,
    refresh_at timestamptz,             -- who uses it from then on makes a run, if it is the first
    good_until timestamptz,             -- null: for ever
    result     jsonb,
    process    uuid,                    -- that has invoked the run
    tenant     text COLLATE "C" NOT NULL DEFAULT '',    -- for whom it was done; empty: for nobody
    PRIMARY KEY (job, id)
);
CREATE INDEX job_cache_hash ON workflow.job_cache (job, hash);
CREATE INDEX job_cache_good_until ON workflow.job_cache (good_until) WHERE good_until IS NOT NULL;
CREATE INDEX job_cache_process ON workflow.job_cache (process) WHERE process IS NOT NULL;

-- create_job(...): store a new version of a job.
--   name         not empty, no ':' in it
--   command      what is done: a function, or procedure, by its name: the first there is
--                of (runs jsonb[]), (params jsonb, run jsonb), (params jsonb), or one
--                that takes the parameters by name; or one SQL statement, with $name
--                where a parameter is bound. Names are looked up now, by the caller's
--                path. Null: workers outside the database claim the runs
--   parameters   object: name -> type, or {"type", "default", "required", "check",
--                "title", "description", "sensitive"}; or an array of such with "name". Types are
--                SQL's; a check is an SQL expression of value and params. Null: any
--   queue        default: the job's own, 'job:NAME'
--   mode         'atomic': claim, work and end are one transaction, many runs to a
--                commit; 'tracked': the claim is committed first, and a procedure may
--                commit: for what takes long
--   retry        as "retry" of "on_error" in a definition; its errors may name codes
--                that workers report. Null: by the settings
--   timeout      of one attempt; the lease of a worker ends with it
--   priority     -2 to 2, the most urgent; default 0
--   partition    of runs that name none; behind an '@', an SQL expression of params
--   limits       object: named limit -> units that a run takes of it
--   on_lost      when executor or worker are lost: 'retry', three times in a row at
--                most, or 'fail'
--   cache        object: results are kept, for call_job() of the same parameters by the
--                role as which the job runs, until the job changes. "max_age": interval,
--                for how long; "refresh_age": an older result is returned, too, and the
--                first who gets it makes a run, which renews it; "max_entries": 1 to
--                10,000, default 1,000, the oldest go; "fill": 'calls', default, what a
--                call had to do is kept, too, or 'runs', only what runs return. Runs are
--                always done, and renew it. Needs result, which is not 'none'
--   result       the type of the result; 'none': it is not kept. Null: as it comes
--   start_within a run that has not begun so long after it was due expires
-- The command runs as the caller, who owns the name from then on. Returns the version:
-- 1 for a new name; the newest one, unchanged, when all is the same. Errors: 22023 and
-- those of the command, WF002 when another role owns the name, or the caller may not
-- log in, is a superuser or may not use a limit, WF010 no such queue or limit. Locks the
-- name against other create_job() calls until the end of the transaction.
CREATE FUNCTION workflow.create_job(
    name text, command text DEFAULT NULL, parameters jsonb DEFAULT NULL, queue text DEFAULT NULL,
    mode text DEFAULT 'atomic', retry jsonb DEFAULT NULL, timeout interval DEFAULT NULL, priority int DEFAULT NULL,
    partition text DEFAULT NULL, limits jsonb DEFAULT NULL, on_lost text DEFAULT 'retry', cache jsonb DEFAULT NULL,
    result text DEFAULT NULL, start_within interval DEFAULT NULL, description text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_job';

-- drop_job(name): the job cannot be run any more, and its name is free for its owner.
-- Runs that have ended keep their version. Error WF017 while runs wait or run; WF010,
-- WF002. Locks the name.
CREATE FUNCTION workflow.drop_job(name text) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_job';

-- call_job(job, params): do what a job does, here and now, in the caller's transaction,
-- as the job's owner; no run is made, and no slot taken. Returns its result. For jobs
-- that are functions or statements and atomic: others are refused with 0A000. The role
-- as which a job runs gets what is kept of it (see cache), of any job. Errors also:
-- WF010, WF002, WF013, those of the command.
CREATE FUNCTION workflow.call_job(job text, params jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_call_job';

-- flush_cache(job, params): results that are kept of a job are not used any more: all, or
-- those for these parameters. Returns how many there were. For who may manage the job.
-- Errors: WF010, WF002, WF013. Waits for transactions that are just renewing them.
CREATE FUNCTION workflow.flush_cache(job text, params jsonb DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_flush_cache';

-- job_schema(job, version, language): the parameters of a job, of its newest version, as JSON
-- Schema, for forms; titles and descriptions are in this language, else those that name none.
-- A check is under "x-check", the type of SQL under "x-type". For who may run
-- or read the job. Errors: WF010, WF002, 22004, 22023.
CREATE FUNCTION workflow.job_schema(job text, version int DEFAULT NULL, language text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_job_schema';

-- may_job(job id, privilege): may the current role run, read, manage?
CREATE FUNCTION workflow.may_job(job int, privilege text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_may_job';

GRANT EXECUTE ON FUNCTION workflow.create_job, workflow.drop_job, workflow.call_job, workflow.flush_cache TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.may_job, workflow.job_schema TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
