-- Schedules for the world, whose runs executors do. Run as world.sql, behind it.
--
-- office.mark has a row for each occurrence that was made; office.occurrence says which there
-- are until 2030-03-01, by other means.
\set ON_ERROR_STOP 1
\set QUIET 1
SET timezone TO 'UTC';
SET ROLE clerk;
SET search_path TO office, public;
CREATE TABLE office.mark (name text, at timestamptz);
SELECT workflow.create_job('mark', 'INSERT INTO office.mark VALUES ($name, $at)', '{"name": "text", "at": "timestamptz"}') \g /dev/null
SELECT workflow.create_schedule('hours', 'mark', cron => '0 * * * *', zone => 'UTC', catch_up => 'all',
        params => '{"name": "$schedule", "at": "$scheduled_at"}'),
    workflow.create_schedule('nights', 'mark', rule => 'FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0', zone => 'Europe/Berlin', catch_up => 'all',
        params => '{"name": "$schedule", "at": "$scheduled_at"}'),
    workflow.create_schedule('ends', 'mark', every => '1 month', starts => '2029-12-31 09:00+00', zone => 'UTC', catch_up => 'all',
        params => '{"name": "$schedule", "at": "$scheduled_at"}'),
    workflow.create_schedule('last', 'mark', cron => '0 * * * *', zone => 'UTC', catch_up => 'one',
        params => '{"name": "$schedule", "at": "$scheduled_at"}'),
    workflow.create_schedule('present', 'mark', cron => '15 * * * *', zone => 'UTC', catch_up => 'none',
        params => '{"name": "$schedule", "at": "$scheduled_at"}') \g /dev/null
-- The clock stood still at the beginning and on 12 January, and is at the end then.
CREATE VIEW office.occurrence (name, at) AS
    SELECT 'hours', h FROM generate_series('2030-01-01 01:00+00'::timestamptz, '2030-03-01 00:00+00', '1 hour') h
    UNION ALL
    SELECT 'nights', (d + time '02:30') AT TIME ZONE 'Europe/Berlin' FROM generate_series('2030-01-01'::date, '2030-02-28', '1 day') g, CAST(g AS date) d
    UNION ALL
    VALUES ('ends', '2030-01-31 09:00+00'::timestamptz), ('ends', '2030-02-28 09:00+00'),
        ('last', '2030-01-12 00:00+00'), ('last', '2030-03-01 00:00+00');
