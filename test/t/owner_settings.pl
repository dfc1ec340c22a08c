# What the owner of a definition may set for themselves with ALTER ROLE, and
# what their code leaves behind in the session of an executor: the work is done
# as if it were not there. And owners whom no executor can log in as.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('settings', 'workflow.max_attempts = 1', 'workflow.max_executors = 8');
my $count = 0;

# Something of everything: actions, a deferred event, timers, a child, an
# attribute; and what the executor's code was run under.
my $definitions = q{
	SELECT workflow.define('{"id": "child of ROLE", "initial": "a", "states": {"a": {"after": {"10 ms": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.define('{"id": "of ROLE", "initial": "a", "search": {"n": "$.n"}, "context": {"n": 1}, "states": {
		"a": {"defer": ["soon"], "after": {"0.01 seconds": {"target": "b", "actions": "look"}}},
		"b": {"on": {"soon": {"target": "c", "guard": {"@expr": "1.5 + (context->>''n'')::int > 2 AND NULL IS DISTINCT FROM 1"}}}},
		"c": {"invoke": {"src": "child of ROLE", "onDone": "d"}}, "d": {"type": "final"}}}');
};

# A new owner with settings, whose work is under way.
sub begin_work
{
	my (@settings) = @_;
	my $role = 'owner' . ++$count;
	my $sql = $definitions;

	workflow_role($node, $role);
	$node->safe_psql('postgres', "CREATE SCHEMA $role AUTHORIZATION $role");
	$sql =~ s/ROLE/$role/g;
	as($node, $role, qq{
		SET search_path TO $role;
		CREATE FUNCTION look(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
			\$\$ SELECT context || jsonb_build_object('user', current_user, 'session', session_user, 'path', current_setting('search_path'),
				'isolation', current_setting('transaction_isolation'), 'read_only', current_setting('transaction_read_only'),
				'origin', current_setting('session_replication_role'), 'rows', current_setting('row_security')) \$\$;
		$sql});
	$node->safe_psql('postgres', "ALTER ROLE $role SET $_") foreach @settings;
	# The client has the same settings, and is not to suffer for it either.
	$node->safe_psql('postgres', qq{
		SET ROLE $role;
		SELECT workflow.start('of $role', key => 'k');
		SELECT workflow.post_by_key('of $role', 'k', 'soon')});
	return $role;
}

sub done_by
{
	my ($role, $what) = @_;
	my $where = "definition = 'of $role' AND key = 'k'";

	wait_for($node, "SELECT status IN ('finalized', 'terminated', 'error') FROM workflow.processes WHERE $where", $what);
	return $node->safe_psql('postgres', "SELECT status FROM workflow.processes WHERE $where") .
	  $node->safe_psql('postgres', "SELECT string_agg(' ' || message, '') FROM workflow.errors WHERE definition ~ '$role\$'");
}

# One by one, what could turn our promises round.
foreach my $setting (
	q{role = 'pg_read_all_data'}, q{search_path = 'evil, pg_temp, pg_catalog'}, q{default_transaction_isolation = 'serializable'},
	q{default_transaction_read_only = on}, q{statement_timeout = 1}, q{session_replication_role = 'replica'})
{
	my $role = begin_work($setting =~ /^role/ ? () : $setting);

	if ($setting =~ /^role/)
	{
		$node->safe_psql('postgres', "GRANT pg_read_all_data TO $role; ALTER ROLE $role SET $setting");
	}
	is(done_by($role, $setting), 'finalized', "ALTER ROLE ... SET $setting");
	is($node->safe_psql('postgres', "SELECT context - 'n' FROM workflow.processes WHERE definition = 'of $role'"),
		qq({"path": "$role, pg_temp", "rows": "on", "user": "$role", "origin": "origin", "session": "$role", "isolation": "read committed", "read_only": "off"}),
		'is not what actions run under');
}

# All that there are, at both ends of what they may be. What only superusers
# may set is their affair.
my @all = map { [ split /\t/ ] } split /\n/, $node->safe_psql('postgres', q{
	SELECT name || E'\t' || CASE vartype WHEN 'bool' THEN CASE setting WHEN 'on' THEN 'off' ELSE 'on' END
	                               WHEN 'enum' THEN enumvals[1] ELSE min_val END
	            || E'\t' || CASE vartype WHEN 'bool' THEN CASE setting WHEN 'on' THEN 'off' ELSE 'on' END
	                               WHEN 'enum' THEN enumvals[cardinality(enumvals)] ELSE max_val END
	FROM pg_settings WHERE context = 'user' AND vartype IN ('bool', 'enum', 'integer', 'real')
	  AND name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable', 'is_superuser')
	ORDER BY name});
cmp_ok(scalar(@all), '>', 90, 'there are many');
my @texts = (q{search_path = ''}, q{TimeZone = 'Pacific/Kiritimati'}, q{DateStyle = 'SQL, DMY'}, q{client_encoding = 'LATIN1'},
	q{lc_monetary = 'C'}, q{lc_numeric = 'C'}, q{lc_time = 'C'}, q{default_tablespace = 'pg_default'}, q{temp_tablespaces = 'pg_default'},
	q{default_text_search_config = 'pg_catalog.german'}, q{application_name = 'postgres'}, q{timezone_abbreviations = 'India'},
	q{local_preload_libraries = ''}, q{plpgsql.extra_errors = 'all'}, q{role = 'none'}, q{app.mine = 'mine'}, q{default_table_access_method = 'heap'});
my @owners = map {
	my $end = $_;
	begin_work((map { "$_->[0] = '$_->[$end]'" } @all), @texts)
} (1, 2);
is(done_by($_, 'all of them'), 'finalized', 'every setting that a role may have at an end of its range') foreach @owners;

# How queries are planned is up to the owner, in an executor as in a session of
# theirs. Statements of workflow itself are planned for the indexes of its tables
# all the same, and once.
workflow_role($node, 'planner');
$node->safe_psql('postgres', 'CREATE SCHEMA planner AUTHORIZATION planner');
my @planner = split /\n/, $node->safe_psql('postgres', q{SELECT name FROM pg_settings WHERE name LIKE 'enable\_%' AND vartype = 'bool'});
$node->safe_psql('postgres', "ALTER ROLE planner SET $_") foreach ('search_path = planner', 'plan_cache_mode = force_custom_plan', map { "$_ = off" } @planner);
as($node, 'planner', q{
	CREATE FUNCTION look(context jsonb, event jsonb, params jsonb) RETURNS jsonb LANGUAGE sql AS $$
		SELECT jsonb_set(context, ARRAY[params->>0], jsonb_build_object(
			'settings', (SELECT jsonb_object_agg(name, setting) FROM pg_settings WHERE name LIKE 'enable\_%' OR name = 'plan_cache_mode'),
			'scans', (SELECT sum(seq_scan) FROM pg_stat_xact_all_tables WHERE schemaname = 'workflow' AND relname IN ('process', 'timer', 'key')))) $$;
	SELECT workflow.define('{"id": "of planner", "initial": "a", "states": {
		"a": {"entry": {"type": "look", "params": ["client"]}, "after": {"0": {"target": "b", "actions": {"type": "look", "params": ["executor"]}}}},
		"b": {"type": "final"}}}')});
as($node, 'planner', q{SELECT workflow.start('of planner', key => 'k')});
is(done_by('planner', 'the work of an owner who plans otherwise'), 'finalized', 'every way to plan turned off');
is($node->safe_psql('postgres', q{SELECT context->'executor' = context->'client' FROM workflow.processes WHERE definition = 'of planner'}), 't',
	'an action runs under the same settings in an executor and in a session of its owner');
is($node->safe_psql('postgres', q{
		SELECT s.value, count(*) FROM workflow.processes, jsonb_each_text(context->'executor'->'settings') s WHERE definition = 'of planner' GROUP BY 1 ORDER BY 1}),
	"force_custom_plan|1\noff|" . @planner, 'which are those of ALTER ROLE');
is($node->safe_psql('postgres', q{SELECT context->'executor'->>'scans' FROM workflow.processes WHERE definition = 'of planner'}), '0', 'tables of workflow are read by index');

as($node, 'planner', q{
	SELECT workflow.define('{"id": "plain", "initial": "a", "states": {"a": {"on": {"go": {"target": "a", "reenter": true}}}}}');
	SELECT workflow.start('plain', key => 'k')});
$node->safe_psql('postgres', 'ALTER ROLE planner SET log_planner_stats = on');
sub plans_made
{
	my ($sends) = @_;
	my $before = -s $node->logfile;

	as($node, 'planner', q{SELECT workflow.send_by_key('plain', 'k', 'go');} x $sends);
	return scalar(() = log_since($node, $before) =~ /PLANNER STATISTICS/g);
}
is(plans_made(6) - plans_made(2), 4, 'a command more is one statement more that is planned, the one of the client');

# What code of one event leaves behind, the next one does not find.
workflow_role($node, 'messy');
$node->safe_psql('postgres', q{
	CREATE ROLE neighbour; GRANT neighbour TO messy;
	CREATE SCHEMA messy AUTHORIZATION messy; ALTER ROLE messy SET search_path TO messy});
as($node, 'messy', q{
	CREATE TABLE parent (id int PRIMARY KEY);
	CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY IMMEDIATE);
	CREATE FUNCTION mess(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM set_config('app.left', 'behind', false), set_config('work_mem', '99MB', false), set_config('search_path', 'public', false),
				set_config('row_security', 'off', false), set_config('statement_timeout', '1', false), set_config('TimeZone', 'Asia/Tokyo', false),
				set_config('default_transaction_isolation', 'serializable', false), set_config('default_transaction_read_only', 'on', false);
			PERFORM pg_advisory_lock(4711), pg_advisory_xact_lock(4712);
			SET ROLE neighbour;
		END $$;
	CREATE FUNCTION command(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE event->'data'->>0; END $$;
	CREATE FUNCTION look(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS $$
		SELECT jsonb_build_object('left', current_setting('app.left', true), 'work_mem', current_setting('work_mem'), 'user', current_user,
			'path', current_setting('search_path'), 'rows', current_setting('row_security'), 'timeout', current_setting('statement_timeout'),
			'isolation', current_setting('transaction_isolation'), 'read_only', current_setting('transaction_read_only'),
			'zone', current_setting('TimeZone') = 'Asia/Tokyo',
			'locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711),
			'cursors', (SELECT count(*) FROM pg_cursors WHERE name = 'kept')) $$;
	SELECT workflow.define('{"id": "messy", "initial": "a", "states": {"a": {"on": {
		"mess": {"actions": "mess"}, "look": {"actions": "look"}, "command": {"actions": "command"},
		"error.execution": {"actions": {"type": "assign", "assignment": {"error": {"@expr": "event->''data''->>''sqlstate''"}}}}}}}}');
	SELECT workflow.start('messy', key => k) FROM unnest('{one,two}'::text[]) k});

sub post_and_wait
{
	my ($key, $event, $data) = @_;
	as($node, 'messy', sprintf('SELECT workflow.post_by_key($$messy$$, $$%s$$, $$%s$$, %s)', $key, $event,
			defined $data ? "\$\$$data\$\$" : 'NULL'));
	wait_for($node, q{SELECT count(*) = 0 FROM workflow.timers WHERE definition = 'messy' AND due < now()}, "$event of $key");
	return;
}

# In one batch, and in one after the other.
post_and_wait('one', 'mess');
foreach my $batch (1, 2)
{
	as($node, 'messy', q{
		BEGIN; SELECT workflow.post_by_key('messy', 'one', 'mess'); SELECT workflow.post_by_key('messy', 'two', 'look'); COMMIT}) if $batch == 1;
	post_and_wait('two', 'look');
	is($node->safe_psql('postgres', q{SELECT context - 'locks' FROM workflow.processes WHERE key = 'two'}),
		q({"left": "", "path": "messy, pg_temp", "rows": "on", "user": "messy", "zone": false, "cursors": 0, "timeout": "0", "work_mem": "4MB", "isolation": "read committed", "read_only": "off"}),
		'what an action has set is gone');
}
is($node->safe_psql('postgres', q{SELECT context->>'locks' FROM workflow.processes WHERE key = 'two'}), '0', 'the lock that it took, too');

# Transactions are ours, whatever an action tries.
foreach my $case (
	[ 'COMMIT', '0A000' ], [ 'ROLLBACK', '0A000' ], [ 'DISCARD ALL', '25001' ], [ 'VACUUM', '25001' ], [ 'ALTER SYSTEM SET work_mem TO 64', '25001' ],
	[ 'SET SESSION AUTHORIZATION postgres', '42501' ], [ 'SET ROLE postgres', '42501' ], [ 'SET session_replication_role TO replica', '42501' ],
	[ 'SET workflow.test_clock TO now', '42501' ], [ 'SELECT * FROM workflow.process', '42501' ], [ 'PREPARE TRANSACTION $$x$$', '0A000' ],
	[ 'COPY (SELECT 1) TO PROGRAM $$true$$', '42501' ], [ 'LOAD $$workflow$$', '42501' ])
{
	my ($command, $state) = @$case;
	(my $data = $command) =~ s/\$\$/'/g;
	as($node, 'messy', "SELECT workflow.post_by_key('messy', 'one', 'command', jsonb_build_array(\$q\$$data\$q\$))");
	wait_for($node, q{SELECT count(*) = 0 FROM workflow.timers WHERE definition = 'messy' AND due < now()}, $command);
	is($node->safe_psql('postgres', q{SELECT context->>'error' FROM workflow.processes WHERE key = 'one'}), $state, "in a worker: $command");
}
# What stays is the session's, which is nobody else's.
foreach my $command ('SET ROLE neighbour', 'RESET ROLE', 'RESET SESSION AUTHORIZATION', 'CREATE TEMP TABLE process (id uuid)', 'CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (false)',
	'PREPARE q AS SELECT 1', 'LISTEN x', 'DECLARE kept CURSOR WITH HOLD FOR SELECT 1', 'SET CONSTRAINTS ALL DEFERRED', 'SELECT pg_advisory_lock(4711)')
{
	as($node, 'messy', "SELECT workflow.post_by_key('messy', 'one', 'command', jsonb_build_array('$command'))");
	post_and_wait('two', 'look');
	is($node->safe_psql('postgres', q{SELECT context->>'user' || ' ' || (context->>'path') FROM workflow.processes WHERE key = 'two'}),
		'messy messy, pg_temp', "after $command work goes on");
}
is($node->safe_psql('postgres', q{SELECT string_agg(problem, ',') FROM workflow.check()}), '', 'everything fits together');

# Owners nobody can log in as: what is waited for is to be seen, and no worker
# is started for it again and again.
sub waits_for
{
	my ($role, $sql, $reason, $undo) = @_;
	my $before = -s $node->logfile;

	workflow_role($node, $role);
	as($node, $role, qq{
		SELECT workflow.define('{"id": "of $role", "initial": "a", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}');
		SELECT workflow.start('of $role', key => 'k')});
	# Their executor has gone when the slot is free.
	$node->safe_psql('postgres', $sql);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '$role'");
	$node->safe_psql('postgres', "SELECT workflow.post_by_key('of $role', 'k', 'go')");
	wait_for($node, "SELECT count(*) > 0 FROM workflow.activity WHERE wait_reason ~ '$reason'", $reason);
	ok(1, "$sql: $reason");
	# Somebody else's work comes and goes meanwhile.
	post_and_wait('two', 'look') foreach (1 .. 3);
	my $log = substr(slurp_file($node->logfile), $before);
	my $failed = () = $log =~ /FATAL/g;
	cmp_ok($failed, '<=', 2, 'no worker fails for it again and again');
	is($node->safe_psql('postgres', "SELECT count(*) FROM workflow.activity WHERE owner = '$role' AND pid IS NOT NULL"), '0', 'none is there');
	$node->safe_psql('postgres', $undo);
	wait_for($node, "SELECT status = 'finalized' FROM workflow.processes WHERE definition = 'of $role'", "$role to go on");
	ok(1, 'with the reason gone work goes on');
	return;
}
waits_for('locked', 'ALTER ROLE locked NOLOGIN', 'log in', 'ALTER ROLE locked LOGIN');
waits_for('mighty', 'ALTER ROLE mighty SUPERUSER', 'superuser', 'ALTER ROLE mighty NOSUPERUSER');
$node->safe_psql('postgres', 'CREATE ROLE connects; GRANT connects TO messy; GRANT CONNECT ON DATABASE postgres TO connects');
waits_for('outside', 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC', 'CONNECT', 'GRANT CONNECT ON DATABASE postgres TO PUBLIC');

$node->stop;
done_testing();
