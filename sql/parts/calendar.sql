-- Working time.

-- Calendars of working time, as they were defined.
CREATE TABLE workflow.calendar (
    name     text COLLATE "C" PRIMARY KEY,
    owner    int NOT NULL,
    calendar jsonb NOT NULL,
    at       timestamptz NOT NULL
);

-- define_calendar(name, calendar): a calendar of working time, new or instead
-- of the one of this name. Timers that run keep the due times that they have.
--   calendar    {"zone": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]], ...},
--               "holidays": ["2026-12-25", ...], "exceptions": {"2026-12-24": [["09:00", "12:00"]], ...}}
-- Whoever defines the name first owns it. Errors: WF007 with every fault and
-- its JSON path in the detail; WF002 when another role owns it. Locks the
-- calendar against other changes until the end of the transaction.
CREATE FUNCTION workflow.define_calendar(name text, calendar jsonb) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_define_calendar';

-- drop_calendar(name): steps that need it fail from now on. Errors: 42704, WF002.
CREATE FUNCTION workflow.drop_calendar(name text) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_calendar';

-- add_working_time(start, duration, calendar): the instant when so much working
-- time has gone by: months as they are in any calendar, then working days, then
-- hours. Errors: 42704 no such calendar; 22023 a negative duration; 22008 there
-- is not so much working time.
CREATE FUNCTION workflow.add_working_time(start timestamptz, duration interval, calendar text)
    RETURNS timestamptz LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_add_working_time';

-- working_time_between(a, b, calendar): working time from a to b, in hours;
-- negative when b is before a. Error 42704.
CREATE FUNCTION workflow.working_time_between(a timestamptz, b timestamptz, calendar text)
    RETURNS interval LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_working_time_between';

-- Whoever may use workflows may count in any calendar.
CREATE VIEW workflow.calendars WITH (security_barrier) AS
    SELECT c.name, o.name AS owner, c.at, c.calendar
    FROM workflow.calendar c JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) c.owner;

GRANT EXECUTE ON FUNCTION
    workflow.define_calendar, workflow.drop_calendar, workflow.add_working_time, workflow.working_time_between
    TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.calendars TO workflow_user, workflow_monitor, workflow_admin;

