# On a standby nothing runs, whatever writes is refused, and look-ups work. When
# it is promoted, work starts by itself, and nothing is lost or done twice.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
workflow.sweep_interval = 1h
workflow.runtime_idle_timeout = 1s
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($node, 'clerk');
start_clocks($node, 'postgres', 'clerk', 3);
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "leave", "initial": "asked",
		"states": {"asked": {"after": {"1 day": "over"}, "on": {"grant": "over"}}, "over": {"type": "final"}}}');
	SELECT workflow.start('leave', key => 'ann')});
my $ann = $node->safe_psql('postgres', q{SELECT id FROM workflow.processes WHERE key = 'ann'});

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);

#
# Nothing runs
#
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'workflow%'}), 0,
	'a standby has no workers');

#
# Whatever writes is refused
#
my %refused = (
	define => q{SELECT workflow.define('{"id": "x", "initial": "a", "states": {"a": {}}}')},
	start => q{SELECT workflow.start('leave')},
	start_many => q{SELECT workflow.start_many('leave', ARRAY['{}'::jsonb])},
	send => qq{SELECT workflow.send('$ann', 'grant')},
	send_many => qq{SELECT workflow.send_many(ARRAY['$ann'::uuid], ARRAY['grant'])},
	send_by_key => q{SELECT workflow.send_by_key('leave', 'ann', 'grant')},
	post => qq{SELECT workflow.post('$ann', 'grant')},
	post_by_key => q{SELECT workflow.post_by_key('leave', 'ann', 'grant')},
	cancel_event => qq{SELECT workflow.cancel_event('$ann', 'e')},
	set_timer => qq{SELECT workflow.set_timer('$ann', '1 day', now())},
	reset_timer => qq{SELECT workflow.reset_timer('$ann', '1 day')},
	set_states => qq{SELECT workflow.set_states('$ann', ARRAY['over'])},
	migrate => qq{SELECT workflow.migrate('$ann')},
	migrate_many => q{SELECT workflow.migrate_many('leave')},
	pause => q{SELECT workflow.pause('leave')},
	unpause => q{SELECT workflow.unpause('leave')},
	erase => qq{SELECT workflow.erase('$ann', true)},
	define_calendar => q{SELECT workflow.define_calendar('work', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}')},
	drop_calendar => q{SELECT workflow.drop_calendar('work')},
	suspend => qq{SELECT workflow.suspend('$ann')},
	resume => qq{SELECT workflow.resume('$ann')},
	cancel => qq{SELECT workflow.cancel('$ann')},
	await => qq{CALL workflow.await('$ann')},
	dry_run => qq{SELECT workflow.dry_run('$ann', 'grant')},
	simulate => q{SELECT workflow.simulate('leave', '[]')},
	work => q{SELECT workflow.work()},
	grant_on => q{SELECT workflow.grant_on('leave', 'pg_monitor', 'read')},
	revoke_on => q{SELECT workflow.revoke_on('leave', 'pg_monitor', 'read')},
	adopt => q{SELECT workflow.adopt()},
	expire => q{SELECT workflow.expire('1 day')},
	install_cron => q{SELECT workflow.install_cron()},
	remove_cron => q{SELECT workflow.remove_cron()},
	expire_all => q{CALL workflow.expire_all('1 day')},
	change_owner => q{SELECT workflow.change_owner('leave', 'clerk')},
	drop_definition => q{SELECT workflow.drop_definition('leave')},
	set_context => qq{SELECT workflow.set_context('$ann', '{}')},
	start_or_get => q{SELECT workflow.start_or_get('leave', key => 'ann')},
	publish => q{SELECT workflow.publish('grant', 'ann')},
	claim_task => qq{SELECT workflow.claim_task('$ann')},
	release_task => qq{SELECT workflow.release_task('$ann')},
	assign => qq{SELECT workflow.assign('$ann', 'x')},
	delegate => qq{SELECT workflow.delegate('$ann', 'x')},
	comment => qq{SELECT workflow.comment('$ann', 'x')},
	complete_task => qq{SELECT workflow.complete_task('$ann', 'grant')},
	create_job => q{SELECT workflow.create_job('j')},
	drop_job => q{SELECT workflow.drop_job('j')},
	run_job => q{SELECT workflow.run_job('j')},
	run_jobs => q{SELECT workflow.run_jobs('j', ARRAY['{}'::jsonb])},
	call_job => q{SELECT workflow.call_job('j')},
	flush_cache => q{SELECT workflow.flush_cache('j')},
	work_runs => q{SELECT workflow.work_runs()},
	cancel_run => qq{SELECT workflow.cancel_run('$ann')},
	retry_run => qq{SELECT workflow.retry_run('$ann')},
	redrive => q{SELECT workflow.redrive()},
	alter_runs => q{SELECT workflow.alter_runs('{"job": "j"}', '{"priority": 1}')},
	await_run => qq{CALL workflow.await_run(ARRAY['$ann'::uuid])},
	create_queue => q{SELECT workflow.create_queue('q')},
	alter_queue => q{SELECT workflow.alter_queue('q', '{"max_parallel": 1}')},
	drop_queue => q{SELECT workflow.drop_queue('q')},
	pause_queue => q{SELECT workflow.pause_queue('q')},
	resume_queue => q{SELECT workflow.resume_queue('q')},
	create_limit => q{SELECT workflow.create_limit('l', 1)},
	create_table_trigger => q{SELECT workflow.create_table_trigger('t', 'pg_class', 'insert', 'j')},
	drop_table_trigger => q{SELECT workflow.drop_table_trigger('t')},
	bind => q{SELECT workflow.bind('door', 'pg_class', 'relname', 'relkind')},
	confine => q{SELECT workflow.confine('clerk', '{acme}')},
	unbind => q{SELECT workflow.unbind('door')},
	alter_limit => q{SELECT workflow.alter_limit('l', '{"max": 1}')},
	drop_limit => q{SELECT workflow.drop_limit('l')},
	create_schedule => q{SELECT workflow.create_schedule('s', 'j', every => '1 hour')},
	alter_schedule => q{SELECT workflow.alter_schedule('s', '{}')},
	drop_schedule => q{SELECT workflow.drop_schedule('s')},
	pause_schedule => q{SELECT workflow.pause_schedule('s')},
	resume_schedule => q{SELECT workflow.resume_schedule('s')},
	trigger_now => q{SELECT workflow.trigger_now('s')},
	backfill => q{SELECT workflow.backfill('s', now(), now())},
	create_table_trigger => q{SELECT workflow.create_table_trigger('t', 'pg_class', 'insert', 'j')},
	drop_table_trigger => q{SELECT workflow.drop_table_trigger('t')},
	work_schedules => q{SELECT workflow.work_schedules()},
	claim => q{SELECT workflow.claim('q', 'w')},
	await_work => q{CALL workflow.await_work('q')},
	claim_placed => q{SELECT workflow.claim_placed('r', 1, 1)},
	await_placed => q{CALL workflow.await_placed('r', 1)},
	complete => qq{SELECT workflow.complete('$ann', 1)},
	complete_many => qq{SELECT workflow.complete_many(ARRAY['$ann'::uuid], ARRAY[1::bigint])},
	fail => qq{SELECT workflow.fail('$ann', 1, '{}')},
	release => qq{SELECT workflow.release('$ann', 1)},
	extend => qq{SELECT workflow.extend('$ann', 1)},
	report_progress => qq{SELECT workflow.report_progress(1, run => '$ann', fence => 1)},
	checkpoint => qq{SELECT workflow.checkpoint('c', '$ann', 1)},
	save_checkpoint => qq{SELECT workflow.save_checkpoint('c', '1', '$ann', 1)},
	write_log => qq{SELECT workflow.write_log('info', 'm', run => '$ann', fence => 1)},
	park => qq{SELECT workflow.park(event => 'e', run => '$ann', fence => 1)},
	signal => qq{SELECT workflow.signal('$ann', 'e')},
	register_runtime => q{SELECT workflow.register_runtime('r')},
	beat => q{SELECT workflow.beat('r', 1)},
	heartbeat => q{SELECT workflow.heartbeat('r', 1)},
	take_turn => q{SELECT workflow.take_turn('r', 1)},
	service_turn => q{SELECT workflow.service_turn('r', 1)},
	shutdown_runtime => q{SELECT workflow.shutdown_runtime('r', 1)},
	set_runtime_role => q{SELECT workflow.set_runtime_role('r', 'both')},
	decline => qq{SELECT workflow.decline('$ann', 1)},
	report_placed => qq{SELECT workflow.report_placed('$ann', 1, '{}')},
	outcome_told => q{SELECT workflow.outcome_told('r', 1, 1)},
	outcomes_kept => q{SELECT workflow.outcomes_kept('r', 1, 1, '{}')},
	recover => q{SELECT workflow.recover('r')},
	approve_runtime => q{SELECT workflow.approve_runtime('r')},
	remove_runtime => q{SELECT workflow.remove_runtime('r')},
	set_setting => q{SELECT workflow.set_setting('timer_interval', '2 s')},
	commit_position => q{SELECT workflow.commit_position()},
	create_alert => q{SELECT workflow.create_alert('a', 'lag', '{}', '1 minute')},
	alter_alert => q{SELECT workflow.alter_alert('a', '{}')},
	drop_alert => q{SELECT workflow.drop_alert('a')},
	pause_alert => q{SELECT workflow.pause_alert('a')},
	resume_alert => q{SELECT workflow.resume_alert('a')},
	work_alerts => q{SELECT workflow.work_alerts()},
	put_file => q{SELECT workflow.put_file('f', '')},
	begin_file => q{SELECT workflow.begin_file('f')},
	put_file_part => q{SELECT workflow.put_file_part(1, 0, '')},
	end_file => q{SELECT workflow.end_file(1, sha256(''))},
	delete_file => q{SELECT workflow.delete_file('f')},
	pull_files => q{SELECT workflow.pull_files('r', 1)},
	confirm_files => q{SELECT workflow.confirm_files('r', 1, '{1}')},
	forget_files => q{SELECT workflow.forget_files('r', 1)},
	file_position => q{SELECT workflow.file_position('r', 1)},
	create_file_trigger => q{SELECT workflow.create_file_trigger('f', '/inbox', job => 'j')},
	alter_file_trigger => q{SELECT workflow.alter_file_trigger('f', '{}')},
	drop_file_trigger => q{SELECT workflow.drop_file_trigger('f')},
	enable_file_trigger => q{SELECT workflow.enable_file_trigger('f')},
	disable_file_trigger => q{SELECT workflow.disable_file_trigger('f')},
	report_file => q{SELECT workflow.report_file('f', '/inbox/a', 1, now())},
	work_turn => q{CALL workflow.work_turn('r', 1, 1)},
	map_owner => q{SELECT workflow.map_owner('o', 'clerk')},
	unmap_owner => q{SELECT workflow.unmap_owner('o')},
	work_load => q{SELECT workflow.work_load()},
	set_retention => q{SELECT workflow.set_retention('job:j', '1 day')},
	set_restorer => q{SELECT workflow.set_restorer('job:j', NULL)},
	drop_retention => q{SELECT workflow.drop_retention('job:j')},
	bulk => q{SELECT workflow.bulk('cancel', '{"job": "j"}')},
	pause_bulk => qq{SELECT workflow.pause_bulk('$ann')},
	resume_bulk => qq{SELECT workflow.resume_bulk('$ann')},
	cancel_bulk => qq{SELECT workflow.cancel_bulk('$ann')},
	await_bulk => qq{CALL workflow.await_bulk('$ann')},
	work_bulks => q{SELECT workflow.work_bulks()});
my %admins = map { $_ => 1 } qw(adopt confine expire expire_all install_cron remove_cron register_runtime beat heartbeat take_turn service_turn work_turn
	work_load map_owner unmap_owner claim_placed await_placed decline report_placed outcome_told outcomes_kept pull_files confirm_files forget_files file_position shutdown_runtime set_runtime_role recover approve_runtime remove_runtime set_setting);

foreach my $name (sort keys %refused)
{
	like(refusal($standby, $admins{$name} ? 'postgres' : 'clerk', $refused{$name}),
		qr/^25006: (cannot execute workflow\.$name\(\) during recovery|workflow\.$name\(\) cannot wait on a standby)/,
		"$name() is refused");
}

# Volatile is what may write; wait_for_lsn() is for standbys, wake(), workers(), runtime_activity(), runtime_beats(),
# membership_state(), accept_remote(), action_cost_list() and reset_action_costs() know only of shared memory, and available_events() runs guards, which may do as they like.
is($standby->safe_psql('postgres', q{
		SELECT string_agg(DISTINCT proname, ' ') FROM pg_proc WHERE pronamespace = 'workflow'::regnamespace
		AND provolatile = 'v' AND prorettype <> 'trigger'::regtype AND proname <> ALL (string_to_array('restorer_answer restorer_states action_cost_list reset_action_costs wake wait_for_lsn accept_remote membership_state runtime_activity runtime_beats workers available_events } . join(' ', keys %refused) . q{', ' '))}),
	'', 'no other function writes');

like(refusal($node, 'clerk', "BEGIN READ ONLY; $refused{start}"),
	qr/^25006: cannot execute workflow\.start\(\) in a read-only transaction/, 'nor in a read-only transaction of the primary');

#
# Look-ups and views work
#
is(as($standby, 'clerk', q{SELECT workflow.find('leave', 'ann')}), $ann, 'find() finds');
is(as($standby, 'clerk', qq{SELECT (workflow.get('$ann')).states}), '{asked}', 'get() tells');
is(as($standby, 'clerk', qq{SELECT event, enabled FROM workflow.available_events('$ann')}), 'grant|t', 'available_events() do');
is(as($standby, 'clerk', q{SELECT states FROM workflow.processes WHERE key = 'ann'}), '{asked}', 'so do views');
foreach my $view (split /\n/, $standby->safe_psql('postgres', q{SELECT viewname FROM pg_views WHERE schemaname = 'workflow' ORDER BY 1}))
{
	like($standby->safe_psql('postgres', "SELECT count(*) FROM workflow.$view"), qr/^\d+$/, "view $view can be read");
}
is($standby->safe_psql('postgres', q{SELECT kind, state FROM workflow.activity WHERE pid IS NOT NULL}), '', 'activity shows no worker');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'workflow%'}), 0,
	'none of this has started one');

#
# Promotion
#
as($node, 'clerk', qq{SELECT workflow.set_timer('$ann', '1 day', now() + interval '1 second')});
as($node, 'clerk', q{SELECT workflow.create_job('second', 'SELECT 1');
	SELECT workflow.create_schedule('seconds', 'second', every => '1 second', catch_up => 'all')});
wait_for($node, q{SELECT made >= 2 FROM workflow.schedules}, 'two seconds');
$node->wait_for_catchup($standby);
$node->stop('immediate');
my $reached = ticks($standby, 'postgres');
$standby->promote;
wait_for($standby, "SELECT min(step) > $reached FROM workflow.processes WHERE definition LIKE 'clock%'", 'the clocks to tick on the new primary');
wait_for($standby, q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'ann'}, 'the timer that was under way');
wait_for($standby, q{SELECT last > clock_timestamp() - interval '2 seconds' FROM workflow.schedules}, 'the schedule on the new primary');
is(as($standby, 'clerk', q{
	SELECT count(*) = count(DISTINCT key) AND count(*) = extract(epoch FROM max(at) - min(at)) + 1
	FROM (SELECT key, split_part(key, '@', 2)::timestamptz AS at FROM workflow.runs WHERE actor = 'schedule:seconds') r}),
	't', 'of a schedule no occurrence is missing, and none was made twice');
as($standby, 'clerk', q{SELECT workflow.drop_schedule('seconds')});
ok(1, 'after promotion work goes on by itself');
is(as($standby, 'clerk', q{SELECT workflow.start('leave', key => 'bob') IS NOT NULL}), 't', 'and commands are taken');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM workflow.failure WHERE given_up}), 0, 'and nothing is given up');
is($standby->safe_psql('postgres', q{
		SELECT count(*) FROM (SELECT step - lag(step, 1, 0) OVER (PARTITION BY process ORDER BY step) AS by FROM workflow.history) h WHERE by <> 1}),
	0, 'with an unbroken history');

$standby->stop;
done_testing();
