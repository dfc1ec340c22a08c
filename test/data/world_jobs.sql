-- Jobs for the world, where the extension has them: nothing that executors do. Run as
-- world.sql, behind it.
\set ON_ERROR_STOP 1
\set QUIET 1
SET timezone TO 'UTC';
SET ROLE clerk;
SET search_path TO office, public;
SELECT workflow.create_queue('post', max_parallel => 5), workflow.create_limit('stamps', 3) \g /dev/null
SELECT workflow.create_job('card', queue => 'post', limits => '{"stamps": 1}') \g /dev/null
SELECT workflow.grant_on('job:card', 'guest', 'run'), workflow.grant_on('queue:post', 'guest', 'claim') \g /dev/null
SELECT workflow.run_job('card', key => 'sent') \g /dev/null
SELECT workflow.complete(run, fence, '"sent"') FROM workflow.claim('post', 'clerk') \g /dev/null
SELECT workflow.run_job('card', '{"to": "Grandma"}', key => 'written') \g /dev/null
SELECT run, fence FROM workflow.claim('post', 'clerk') \gset
SELECT workflow.write_log('info', 'no stamps', run => :'run', fence => :fence) \g /dev/null
SELECT workflow.save_checkpoint('text', '"Dear Grandma"', :'run', :fence), workflow.release(:'run', :fence, '2030-02-01') \g /dev/null
SELECT workflow.run_job('card', partition => 'family', at => '2030-02-15') \g /dev/null
SELECT workflow.run_job('card', '{"to": "Aunt"}', after => ARRAY[:'run'::uuid]) \g /dev/null
-- Processes that wait for runs, and for what is published.
SELECT workflow.define('{"id": "cards", "initial": "writing", "context": {"to": ["Ann", "Bob"]}, "states": {
    "writing": {"invoke": {"job": "card", "map": {"over": {"@expr": "context->''to''"}, "as": "to", "concurrency": 1}, "onDone": "sent"}},
    "sent": {"type": "final"}}}'),
    workflow.define('{"id": "reply", "initial": "waiting", "states": {
    "waiting": {"on": {"answered": {"target": "glad", "correlate": "Grandma"}}}, "glad": {"type": "final"}}}') \g /dev/null
SELECT workflow.start('cards', key => 'of this year'), workflow.start('reply', key => 'of Grandma') \g /dev/null
SELECT workflow.publish('answered', 'Uncle', keep => '10 years') \g /dev/null
-- Schedules: one that is to come, one that has made something, one that is paused.
SELECT workflow.create_schedule('christmas', 'card', cron => '0 8 24 12 *', zone => 'Europe/Berlin', params => '{"to": "$schedule"}', priority => 1),
    workflow.create_schedule('birthday', 'card', rule => 'FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=1', starts => '2030-06-01 07:00+00'),
    workflow.create_schedule('replies', definition => 'reply', every => '1 year', starts => '2030-07-01 00:00+00') \g /dev/null
SELECT workflow.trigger_now('birthday'), workflow.pause_schedule('replies', 'nobody writes'), workflow.grant_on('schedule:christmas', 'guest', 'read') \g /dev/null
SELECT workflow.create_alert('cards are late', 'lag', '{"job": "card"}', '1 day'), workflow.pause_alert('cards are late', 'nobody writes') \g /dev/null
-- Files that make runs, one of which has.
SELECT workflow.create_job('open', parameters => '{"triggerfile": "text"}'), workflow.create_file_trigger('letters', '/srv/letters', '*.txt', 'content', job => 'open'),
    workflow.report_file('letters', '/srv/letters/to Santa.txt', 5, '2030-01-01', sha256('dear')) IS NOT NULL \g /dev/null
-- Rules of retention, and an archive.
CREATE TABLE office.sent (run uuid, document jsonb);
SELECT workflow.set_retention('job:card', '10 years', 'finished', 'office.sent'), workflow.set_retention('cards', NULL) \g /dev/null
-- A table whose rows make runs.
CREATE TABLE office.wish (n int);
SELECT workflow.create_table_trigger('wish', 'office.wish', 'insert', 'card') \g /dev/null
-- People who are asked: one who has voted, and one who has taken it.
SELECT workflow.define('{"id": "present", "initial": "chosen", "states": {
    "chosen": {"task": {"for": ["Ann", "Bob"], "need": "all", "due": "10 years", "onDue": "given"}, "on": {"good": "wrapped", "bad": "given"}},
    "wrapped": {"task": {"for": "Ann"}, "on": {"give": "given"}}, "given": {"type": "final"}}}'),
    workflow.start('present', key => 'for Grandma'), workflow.start('present', key => 'for Uncle') \g /dev/null
SELECT FROM workflow.tasks t, workflow.complete_task(t.task, 'good', actor => 'Ann') \g /dev/null
SELECT FROM workflow.tasks t, workflow.complete_task(t.task, 'good', note => 'yes', actor => 'Bob') WHERE t.key = 'for Uncle' \g /dev/null
SELECT workflow.claim_task(task, 'Ann'), workflow.comment(task, 'no paper', 'Ann') FROM workflow.tasks WHERE key = 'for Uncle' \g /dev/null
-- A table whose rows carry states.
CREATE TABLE office.answer (sender text PRIMARY KEY, state text);
INSERT INTO office.answer VALUES ('of Grandma'), ('of Aunt');
SELECT workflow.bind('reply', 'office.answer', 'sender', 'state') \g /dev/null

-- Bulk operations: one that has ended, with an item that was refused, and one that rests.
SELECT workflow.bulk('suspend', '{"ids": ["00000000-0000-7000-8000-000000000001"]}') \g /dev/null
SELECT workflow.work_bulks() \g /dev/null
SELECT workflow.pause_bulk(workflow.bulk('send', '{"definition": "reply"}', '{"event": "answered"}')) \g /dev/null
