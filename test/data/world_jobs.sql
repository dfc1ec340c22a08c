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
SELECT workflow.save_checkpoint('text', '"Dear Grandma"', :'run', :fence), workflow.release(:'run', :fence, '2030-02-01') \g /dev/null
SELECT workflow.run_job('card', partition => 'family', at => '2030-02-15') \g /dev/null
