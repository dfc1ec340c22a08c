# ALTER EXTENSION UPDATE from the version before, under load: this library
# serves the SQL of that version, the update keeps nobody out and lets nothing
# be lost or happen twice, sessions go on with the plans that they have, and
# what was updated is what CREATE EXTENSION makes, to the last row of the
# catalogs. The same at rest from each version before that, by all scripts at
# once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;
use World;

my $old = '0.2.0';
my @older = ('0.1.0');
my $clients = 3;

my $node = PostgreSQL::Test::Cluster->new('update');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
max_prepared_transactions = 10
# clients are given way to in a tenth of this, on a slow machine, too
deadlock_timeout = 10s
workflow.max_executors = 3
workflow.max_attempts = 1000
workflow.retry_delay = 10ms
workflow.retry_max_delay = 20ms
});
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE live');
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION workflow');
$node->safe_psql('live', "CREATE EXTENSION workflow VERSION '$old'");
workflow_role($node, $_) foreach qw(clerk guest);
my $new = $node->safe_psql('fresh', q{SELECT extversion FROM pg_extension WHERE extname = 'workflow'});
isnt($new, $old, "from $old to $new");
is($node->safe_psql('live', q{
		SELECT string_agg(source || ' ' || target || ' ' || path, ', ') FROM pg_extension_update_paths('workflow')
		WHERE source = '} . $old . q{' AND target = '} . $new . q{'}), "$old $new $old--$new", 'there is a way');

#
# Things to do. No key is unique in the notes: what happens twice is to be seen.
#
$node->safe_psql('live', 'CREATE SCHEMA office AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE office.note (process text NOT NULL, event text NOT NULL, n int NOT NULL);
	CREATE FUNCTION office.note(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO office.note VALUES (context->>'k', event->>'type', coalesce((event->'data'->>'n')::int, (context->>'n')::int)) $$;
	CREATE SEQUENCE office.dice;
	CREATE FUNCTION office.throw(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF nextval('office.dice') % 2 = 0 THEN
			RAISE 'bad luck' USING DETAIL = 'the dice of the office';
		END IF;
	END $$;
	SELECT workflow.define('{"id": "counter", "initial": "tick", "context": {"k": "", "n": 0},
		"on": {"count": {"actions": "office.note"}, "posted": {"actions": "office.note"}},
		"states": {"tick": {"after": {"20": {"target": "tick", "reenter": true, "actions": ["office.note",
			{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}]}}}}}');
	SELECT workflow.define('{"id": "shaky", "initial": "tick", "context": {"k": "", "n": 0},
		"states": {"tick": {"after": {"20": {"target": "tick", "reenter": true, "actions": ["office.note", "office.throw",
			{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}]}}}}}');
	SELECT workflow.define('{"id": "child", "initial": "a", "context": {"n": 0}, "states": {"a": {"after": {"0": "b"}}, "b": {"type": "final"}},
		"output": {"n": {"@expr": "context->''n''"}}}');
	SELECT workflow.define('{"id": "parent", "initial": "has", "context": {"k": "", "n": 0}, "states": {
		"has": {"invoke": {"id": "it", "src": "child", "input": {"n": {"@expr": "context->''n''"}},
			"onDone": {"target": "has", "reenter": true, "guard": {"@expr": "event->''output''->''n'' = context->''n''"},
				"actions": ["office.note", {"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 1"}}}]}}}}}');
	SELECT workflow.define('{"id": "short", "initial": "a", "states": {"a": {"on": {"go": "b"}, "after": {"1 day": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.grant_on('shaky', 'guest', 'start');
	SELECT workflow.start('counter', jsonb_build_object('k', i), i::text) FROM generate_series(1, 5) i;
	SELECT workflow.start('parent', jsonb_build_object('k', 'p' || i), i::text) FROM generate_series(1, 2) i;

	CREATE TABLE office.round (client int, n int);
	CREATE TABLE office.stop ();
	-- A client: one call of it, with the plans of its first round, until it is
	-- told to stop. Transactions take the tables in more than one order.
	CREATE PROCEDURE office.work(client int) LANGUAGE plpgsql AS $$
	DECLARE
		n int := 0;
		verdict record;
		seen bigint;
	BEGIN
		WHILE (SELECT count(*) = 0 FROM office.stop) LOOP
			n := n + 1;
			SELECT count(*) INTO seen FROM workflow.errors e WHERE e.detail IS NOT NULL;
			SELECT s.taken, s.states INTO verdict FROM workflow.send_by_key('counter', client::text, 'count',
				jsonb_build_object('n', n), id => format('%s %s', client, n)) s;
			ASSERT verdict.taken;
			PERFORM workflow.post_by_key('counter', client::text, 'posted', jsonb_build_object('n', n));
			INSERT INTO office.round VALUES (client, n);
			COMMIT;
			SELECT s.taken, s.status INTO verdict FROM workflow.send(workflow.start('short'), 'go') s;
			ASSERT verdict.taken AND verdict.status = 'finalized';
			SELECT count(*) INTO seen FROM workflow.timers t WHERE t.attempts > 0;
			COMMIT;
		END LOOP;
	END $$}, 'live');
as($node, 'guest', q{SELECT workflow.start('shaky', jsonb_build_object('k', 's' || i), i::text) FROM generate_series(1, 3) i}, 'live');

my %client;
foreach my $n (1 .. $clients)
{
	my ($out, $err) = ('', '');
	$client{$n} = { out => \$out, err => \$err, run => IPC::Run::start(
			[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('live') . ' user=clerk', '-c', "CALL office.work($n)" ],
			'<', \undef, '>', \$out, '2>', \$err) };
}

# Each client, and each process of the workers, has got further than it is now.
sub wait_for_work
{
	my ($when) = @_;
	my $progress = q{
		SELECT jsonb_object_agg(what, n) FROM (
			SELECT 'client ' || i AS what, coalesce((SELECT max(n) FROM office.round r WHERE r.client = i), 0) AS n FROM generate_series(1, } . $clients . q{) i
			UNION ALL SELECT definition || ' ' || key, (context->>'n')::int FROM workflow.processes WHERE key IS NOT NULL) w};
	my $before = $node->safe_psql('live', $progress);

	wait_for_in($node, 'live', qq{
		SELECT bool_and(now.value::int > (before->>now.key)::int + 5) FROM ($progress) p(after), jsonb_each_text(after) now, (SELECT '$before'::jsonb) b(before)},
		"clients and workers to get on, $when");
	foreach my $n (sort keys %client)
	{
		is(${ $client{$n}{err} }, '', "$when: no error for client $n");
	}
	return;
}

#
# This library with the SQL of the old version
#
wait_for_work("with the SQL of $old");
cmp_ok($node->safe_psql('live', q{SELECT max((context->>'n')::int) FROM workflow.processes WHERE definition = 'shaky'}), '>', 0,
	"$old: steps that failed are tried again");

# One row a call; each is an error of the test if it fails.
my $calls = q{
	SELECT 'define', workflow.define('{"id": "called", "initial": "a", "states": {"a": {"on": {"go": "b"}, "after": {"1 day": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.start('called', key => 'one') AS p \gset
	SELECT 'dry_run', taken, status, states, jsonb_array_length(effects) FROM workflow.dry_run(:'p', 'go');
	SELECT 'simulate', count(*) FROM workflow.simulate('called', '[{"until_idle": true}]');
	SELECT 'simulate json', count(*) FROM workflow.simulate('{"id": "x", "initial": "a", "states": {"a": {}}}'::json, '[]');
	SELECT 'available_events', event, enabled FROM workflow.available_events(:'p');
	SELECT 'find', workflow.find('called', 'one') = :'p';
	SELECT 'get', status FROM workflow.get(:'p');
	SELECT 'search', count(*) FROM workflow.search('called', states => '{a}') WHERE key = 'one';
	SELECT 'lint', count(*) FROM workflow.lint('called');
	SELECT 'export', workflow.export('called') ->> 'id';
	SELECT 'diagram', length(workflow.diagram('called')) > 0, length(workflow.diagram(:'p'::uuid)) > 0;
	SELECT 'reset_timer', workflow.reset_timer(:'p', '1 day') > now();
	SELECT 'set_timer', workflow.set_timer(:'p', '1 day', now() + '2 days');
	SELECT 'post', workflow.post(:'p', 'go', at => now() + '1 day', id => 'one');
	SELECT 'cancel_event', workflow.cancel_event(:'p', 'one');
	SELECT 'suspend', workflow.suspend(:'p'), workflow.resume(:'p');
	SELECT 'migrate', (workflow.migrate(:'p', dry_run => true)).to_version;
	SELECT 'migrate_many', count(*) FROM workflow.migrate_many('called', 1, dry_run => true);
	SELECT 'set_states', (workflow.set_states(:'p', '{b}')).status;
	SELECT 'start_many', count(*) FROM workflow.start_many('called', ARRAY['{}', NULL]::jsonb[]);
	SELECT count(*) AS acts FROM workflow.process_history WHERE process = :'p' AND event IN ('workflow.suspend', 'workflow.resume', 'workflow.set_timer', 'workflow.reset_timer') \gset
	SELECT 'erase', history - :acts FROM workflow.erase(:'p');
	SELECT 'pause', workflow.pause('called');
	SELECT 'unpause', workflow.unpause('called');
	SELECT 'calendar', workflow.define_calendar('c', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
	SELECT 'working time', workflow.add_working_time('2030-01-01', '1 hour', 'c'), workflow.working_time_between('2030-01-01', '2030-02-01', 'c');
	SELECT 'drop_calendar', workflow.drop_calendar('c');
	SELECT 'views', (SELECT count(*) > 0 FROM workflow.definitions), (SELECT count(*) FROM workflow.drift), (SELECT count(*) FROM workflow.pauses),
		(SELECT count(*) > 0 FROM workflow.processes), (SELECT count(*) > 0 FROM workflow.process_history), (SELECT count(*) > 0 FROM workflow.timers),
		(SELECT count(*) FROM workflow.deferred_events), (SELECT count(*) > 0 FROM workflow.erasures), (SELECT count(*) FROM workflow.calendars),
		(SELECT count(*) > 0 FROM workflow.activity)};
my $answers = as($node, 'clerk', "SET timezone TO 'UTC';$calls", 'live');
like($answers, qr/^define\|1\ndry_run\|t\|finalized\|\{b\}\|\d+\n.*^working time\|/ms, "$old: its functions work");

#
# ALTER EXTENSION UPDATE
#
# A session with plans of its own, at rest in the meantime, ...
my $kept = $node->background_psql('live', on_error_stop => 0, extra_params => [ '-U', 'clerk' ]);
my $short = as($node, 'clerk', q{SELECT workflow.start('short', key => 'kept')}, 'live');
$kept->query_safe(qq{
	SET plan_cache_mode = force_generic_plan;
	PREPARE try (uuid) AS SELECT taken, states FROM workflow.dry_run(\$1, 'go');
	PREPARE try_all (uuid) AS SELECT * FROM workflow.dry_run(\$1, 'go');
	PREPARE failed AS SELECT count(*) >= 0, count(detail) >= 0 FROM workflow.errors;
	PREPARE waits (uuid) AS SELECT event, due, parked FROM workflow.timers WHERE process = \$1;
	PREPARE stands (uuid) AS SELECT id, states, context FROM workflow.processes WHERE id = \$1;
	CREATE FUNCTION pg_temp.look(p uuid) RETURNS text LANGUAGE plpgsql AS \$\$
	DECLARE
		r record; t workflow.timers;
	BEGIN
		SELECT * INTO r FROM workflow.dry_run(p, 'go');
		SELECT * INTO t FROM workflow.timers LIMIT 1;
		RETURN r.taken;
	END \$\$});
my @statements = ("EXECUTE try('$short')", "EXECUTE try_all('$short')", 'EXECUTE failed', "EXECUTE waits('$short')", "EXECUTE stands('$short')", "SELECT pg_temp.look('$short')",
	"SELECT s.status FROM workflow.send(workflow.start('short'), 'go') s");
my @before = map { $kept->query_safe($_) } @statements;

# ... one in a transaction that has looked at what the update wants, ...
my $reader = $node->background_psql('live', extra_params => [ '-U', 'clerk' ]);
$reader->query_safe(q{BEGIN; SELECT count(*) FROM workflow.timers});

# ... and the update, which lets that one write, too, and waits for its end.
my ($out, $err) = ('', '');
my $update = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('live'), '-c', 'ALTER EXTENSION workflow UPDATE' ],
	'<', \undef, '>', \$out, '2>', \$err);
wait_for_in($node, 'live', q{
	SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'ALTER EXTENSION%' AND pid <> pg_backend_pid() AND (wait_event_type = 'Lock' OR wait_event = 'PgSleep')},
	'the update to wait');
is($reader->query_safe(q{SELECT taken FROM workflow.send(workflow.start('short'), 'go')}), 't', 'whoever has its tables may use others of them');
wait_for_work('while the update waits');
$reader->query_safe('COMMIT');
$update->finish;
is($update->result(0) . $err, '0', 'ALTER EXTENSION UPDATE under load');
is($node->safe_psql('live', q{SELECT extversion FROM pg_extension WHERE extname = 'workflow'}), $new, "it is $new now");

#
# It goes on
#
wait_for_work("with the SQL of $new");
is_deeply([ map { $kept->query_safe($_) } @statements ], \@before, 'kept plans give what they gave');
$kept->quit;
$reader->quit;
is(as($node, 'clerk', "SET timezone TO 'UTC';$calls", 'live'), $answers, "$new: the same functions give the same");
wait_for_in($node, 'live', q{SELECT count(*) > 0 FROM workflow.errors WHERE attempts > 1 AND since < at}, 'an event that failed twice, with the time of the first');
is(as($node, 'guest', q{SELECT count(detail) FROM workflow.errors}, 'live'), 0, 'who started them without being allowed to read is told no details');
is($node->safe_psql('live', 'SELECT workflow.library_version()'), $new, 'library_version()');

#
# A script of a later version, as sql/next begins it, that changes what
# everybody uses all the time.
#
SKIP:
{
	my $control = $node->safe_psql('live', q{SELECT setting || '/extension/workflow.control' FROM pg_config WHERE name = 'SHAREDIR'});
	my ($directory) = $control =~ m{^(.*)/};
	skip 'the directory of extensions is not ours to write to', 5 unless -w $directory;
	my $begun = slurp_file("$FindBin::Bin/../../sql/update.sql.in");
	my $later = "$directory/workflow--$new--later.sql";
	my $newer = "$directory/workflow--$new--newer.sql";

	append_to_file($newer, $begun =~ s/\@NEXT\@/99.0.0/gr);
	my (undef, undef, $stale) = $node->psql('live', q{ALTER EXTENSION workflow UPDATE TO 'newer'}, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	unlink $newer;
	like($stale, qr/ERROR:  55000: the library of workflow is of version \Q$new\E\n.*needs that of 99\.0\.0.*restart the server/s, 'an update needs its library');

	append_to_file($later, ($begun =~ s/\@NEXT\@/$new/gr)
		. "ALTER TABLE workflow.process ADD COLUMN test_column int DEFAULT 1; ALTER TABLE workflow.timer ADD COLUMN test_column int DEFAULT 1;");
	# taken back, for what is compared below
	my $done = eval { $node->safe_psql('live', q{
		BEGIN;
		ALTER EXTENSION workflow UPDATE TO 'later';
		ROLLBACK}); 1 };
	my $why = $@;
	unlink $later;
	ok($done, 'the tables of processes and timers are changed under load') or diag $why;
	wait_for_work('after such an update');
}

#
# Nothing is lost, nothing happened twice
#
$node->safe_psql('live', 'INSERT INTO office.stop DEFAULT VALUES');
foreach my $n (sort keys %client)
{
	$client{$n}{run}->finish;
	is($client{$n}{run}->result(0) . ${ $client{$n}{err} }, '0', "client $n has come to its end");
}
wait_for_in($node, 'live', q{SELECT count(*) = 0 FROM workflow.timer WHERE event = 'posted'}, 'what was posted');
as($node, 'clerk', q{SELECT workflow.suspend(id) FROM workflow.processes WHERE key IS NOT NULL AND status = 'idled' AND parent IS NULL}, 'live');
is($node->safe_psql('live', q{
		SELECT string_agg(concat_ws(' ', process, event, count, first, last), ', ' ORDER BY process, event) FROM (
			SELECT process, event, count(*), min(n) AS first, max(n) AS last FROM office.note WHERE event IN ('count', 'posted') GROUP BY process, event) c}),
	$node->safe_psql('live', q{
		SELECT string_agg(concat_ws(' ', client, event, count, 1, count), ', ' ORDER BY client, event) FROM (
			SELECT client, count(*) FROM office.round GROUP BY client) r, unnest(ARRAY['count', 'posted']) event}),
	'every command and every posted event happened once');
is($node->safe_psql('live', q{
		SELECT string_agg(key, ', ') FROM workflow.processes p, LATERAL (
			SELECT count(*), count(DISTINCT n) AS different, min(n) AS first, max(n) AS last FROM office.note
			WHERE process = p.context->>'k' AND event NOT IN ('count', 'posted')) n
		WHERE p.definition IN ('counter', 'shaky', 'parent') AND (n.count, n.different, n.first, n.last)
			IS DISTINCT FROM ((p.context->>'n')::int, (p.context->>'n')::int, 0, (p.context->>'n')::int - 1)}),
	'', 'every timer fired once, and every child ended once');
is($node->safe_psql('live', 'SELECT * FROM workflow.check()'), '', 'everything fits together');
# Only executors may have given way to it.
(my $log = log_since($node)) =~ s/LOG:  workflow executor pauses: deadlock detected//g;
unlike($log, qr/deadlock detected|TRAP|PANIC|was terminated by signal/, 'no client waited for it in a circle');
is(join("\n", grep { !/bad luck|the library of workflow is of version/ } log_since($node) =~ /^.*?((?:ERROR|FATAL):  .*)$/mg),
	'', 'the log has no error but those of the dice, and those above');

#
# What was updated is what is made afresh
#
my $catalogue = slurp_file("$FindBin::Bin/../data/catalogue.sql");
my $fresh;
# Who owns a definition has a right on the type workflow.status, for DROP ROLE.
sub made_afresh
{
	my ($server, @owners) = @_;

	$server->safe_psql('postgres', 'DROP DATABASE IF EXISTS fresh');
	$server->safe_psql('postgres', 'CREATE DATABASE fresh');
	$server->safe_psql('fresh', 'CREATE EXTENSION workflow');
	as($server, $_, q{SELECT workflow.define(format('{"id": "of %s", "initial": "a", "states": {"a": {}}}', current_user)::json)}, 'fresh') foreach @owners;
	return $server->safe_psql('fresh', $catalogue);
}
sub same_catalogue
{
	my ($got, $name) = @_;
	my %fresh = map { $_ => 1 } split /\n/, $fresh;
	my %got = map { $_ => 1 } split /\n/, $got;

	ok($got eq $fresh, $name) or diag(join "\n",
		(map { "updated: $_" } sort grep { !$fresh{$_} } keys %got), (map { "fresh:   $_" } sort grep { !$got{$_} } keys %fresh));
	return;
}
$fresh = made_afresh($node, 'clerk');
cmp_ok(scalar(split /\n/, $fresh), '>', 1000, 'the catalogs have something to say');
same_catalogue($node->safe_psql('live', $catalogue), 'the catalogs of the updated database say what those of a new one do');
$fresh = made_afresh($node);
$node->safe_psql('postgres', 'CREATE DATABASE empty');
$node->safe_psql('empty', "CREATE EXTENSION workflow VERSION '$old'");
isnt($node->safe_psql('empty', $catalogue), $fresh, "those of $old do not");
$node->safe_psql('empty', 'ALTER EXTENSION workflow UPDATE');
same_catalogue($node->safe_psql('empty', $catalogue), 'nor does it matter whether anything was stored');

# Whoever runs the script, what is new belongs to whom the rest belongs to.
$node->safe_psql('postgres', 'CREATE ROLE boss SUPERUSER LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE others');
as($node, 'boss', "CREATE EXTENSION workflow VERSION '$old'", 'others');
$node->safe_psql('others', 'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO clerk; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO clerk');
$node->safe_psql('others', 'ALTER EXTENSION workflow UPDATE');
is($node->safe_psql('others', q{SELECT string_agg(defaclobjtype, ',' ORDER BY defaclobjtype) FROM pg_default_acl}), 'f,r', 'default privileges outlive it');
same_catalogue($node->safe_psql('others', $catalogue), 'an extension that another superuser has created, whatever the default privileges');
$node->safe_psql('postgres', 'DROP DATABASE others');

# What users have made of functions that are made anew refuses the update, all of it
# named at once; what they have granted and revoked on them is there afterwards, and
# counts as theirs.
$node->safe_psql('postgres', 'CREATE DATABASE used; CREATE ROLE dealer; CREATE ROLE taker; CREATE ROLE spare');
$node->safe_psql('used', "CREATE EXTENSION workflow VERSION '$old'; CREATE SCHEMA office AUTHORIZATION clerk");
as($node, 'clerk', q{
	CREATE FUNCTION office.commanded(p uuid) RETURNS boolean BEGIN ATOMIC SELECT s.taken FROM workflow.send(p, 'go') s; END;
	CREATE FUNCTION office.late(p uuid) RETURNS boolean LANGUAGE sql AS $$ SELECT s.taken FROM workflow.send(p, 'go') s $$;
	CREATE VIEW office.commands AS SELECT s.taken FROM workflow.send_by_key('short', 'x', 'go') s;
	CREATE VIEW office.more AS SELECT c.taken FROM office.commands c;
	CREATE MATERIALIZED VIEW office.stored AS SELECT s.taken FROM workflow.send_by_key('short', 'x', 'go') s WITH NO DATA;
	CREATE TABLE office.form (taken boolean DEFAULT (workflow.send('00000000-0000-7000-8000-000000000000', 'go')).taken)}, 'used');
my $untouched = $node->safe_psql('used', $catalogue);
my (undef, undef, $hangs) = $node->psql('used', 'ALTER EXTENSION workflow UPDATE', extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($hangs, qr/ERROR:  2BP01: .*hang on functions of workflow.*HINT:  Keep what makes them/s, 'what was made of functions that change refuses the update');
like($hangs, qr/\Q$_\E/, "$_ is named") foreach ('view office.commands', 'view office.more', 'materialized view office.stored', 'function office.commanded(uuid)',
	'default value for column taken of table office.form');
# 18 shows the statement of the script, too, as the context of its error
my ($named) = $hangs =~ /^DETAIL:(.*)^HINT:/ms;
unlike($named, qr/office\.late|type |index |rule /, 'and nothing else is');
is($node->safe_psql('used', $catalogue), $untouched, 'nothing has changed');
as($node, 'clerk', q{
	DROP VIEW office.more, office.commands; DROP MATERIALIZED VIEW office.stored; DROP FUNCTION office.commanded; DROP TABLE office.form}, 'used');
$node->safe_psql('used', q{
	GRANT USAGE ON SCHEMA workflow TO dealer;
	GRANT EXECUTE ON FUNCTION workflow.send TO dealer WITH GRANT OPTION;
	SET ROLE dealer;
	GRANT EXECUTE ON FUNCTION workflow.send TO taker;
	RESET ROLE;
	REVOKE USAGE ON SCHEMA workflow FROM dealer;
	REVOKE EXECUTE ON FUNCTION workflow.send_by_key FROM workflow_user;
	GRANT SELECT, REFERENCES ON workflow.activity TO dealer;
	GRANT SELECT (kind) ON workflow.activity TO spare});
my $granted = q{
	SELECT proname, string_agg(pg_temp.role(a.grantee, p.proowner) || CASE WHEN a.is_grantable THEN '*' ELSE '' END || ' by ' || pg_temp.role(a.grantor, p.proowner), ', ' ORDER BY 1)
	FROM pg_proc p, aclexplode(p.proacl) a WHERE p.proname IN ('send', 'send_by_key') AND p.pronamespace = 'workflow'::regnamespace GROUP BY 1
	UNION ALL
	SELECT relname || '.' || coalesce(attname, ''), string_agg(pg_temp.role(a.grantee, c.relowner) || '=' || a.privilege_type, ', ' ORDER BY pg_temp.role(a.grantee, c.relowner), a.privilege_type)
	FROM pg_class c LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attacl IS NOT NULL, aclexplode(coalesce(t.attacl, c.relacl)) a
	WHERE c.oid = 'workflow.activity'::regclass GROUP BY relname, attname ORDER BY 1};
my ($functions) = $catalogue =~ /^(.*?^CREATE OR REPLACE FUNCTION pg_temp.role.*? END \$\$;)/ms;
my $rights = $node->safe_psql('used', "$functions$granted");
like($rights, qr/dealer\* by owner.*taker by dealer/, 'rights before the update');
$node->safe_psql('used', 'ALTER EXTENSION workflow UPDATE');
is($node->safe_psql('used', "$functions$granted"), $rights, 'users\' grants are there after the update, on what was made anew');
my ($dumped) = run_command([ 'pg_dump', '-s', '-d', $node->connstr('used') ]);
like($dumped, qr/^GRANT ALL ON FUNCTION workflow\.send\([^\n]*if_states[^\n]* TO dealer WITH GRANT OPTION;.*^GRANT ALL ON FUNCTION workflow\.send\([^\n]* TO taker;/ms, 'a dump has them');
like($dumped, qr/^REVOKE ALL ON FUNCTION workflow\.send_by_key\([^\n]* FROM workflow_user;/m, 'and what was revoked');
foreach my $role (qw(taker spare))
{
	my (undef, undef, $kept_by) = $node->psql('postgres', "DROP ROLE $role");
	like($kept_by, qr/role "$role" cannot be dropped/, "$role cannot be dropped while it has a right");
}
$node->safe_psql('used', q{
	REVOKE ALL ON FUNCTION workflow.send FROM dealer CASCADE;
	GRANT EXECUTE ON FUNCTION workflow.send_by_key TO workflow_user;
	REVOKE ALL ON workflow.activity FROM dealer;
	REVOKE ALL (kind) ON workflow.activity FROM spare;
	DROP OWNED BY clerk});
same_catalogue($node->safe_psql('used', $catalogue), 'and without them, the catalogs are those of a new database');
$node->safe_psql('postgres', 'DROP DATABASE used; DROP ROLE dealer; DROP ROLE taker; DROP ROLE spare');

#
# Older versions: all scripts at once where nothing is in the way, else one after
# the other.
#
foreach my $version (@older)
{
	my $would = q{CREATE FUNCTION office.would(p uuid) RETURNS boolean BEGIN ATOMIC SELECT d.taken FROM workflow.dry_run(p, 'go') d; END};
	my @verbose = (extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	$node->safe_psql('postgres', 'DROP DATABASE empty');
	$node->safe_psql('postgres', 'CREATE DATABASE empty');
	$node->safe_psql('empty', "CREATE EXTENSION workflow VERSION '$version'; CREATE SCHEMA office AUTHORIZATION clerk");

	# 0.2.0 has functions that return more than in 0.1.0
	if ($version eq '0.1.0')
	{
		as($node, 'clerk', $would, 'empty');
		my (undef, undef, $refused) = $node->psql('empty', 'ALTER EXTENSION workflow UPDATE', @verbose);
		like($refused, qr/ERROR:  2BP01: cannot drop function workflow.dry_run.*function office.would\(uuid\) depends on/s,
			'what was made of a function that changes refuses the update');
		as($node, 'clerk', 'DROP FUNCTION office.would', 'empty');
	}
	$reader = $node->background_psql('empty', extra_params => [ '-U', 'clerk' ]);
	$reader->query_safe('BEGIN; SELECT count(*) FROM workflow.timers');
	my (undef, undef, $refused) = $node->psql('empty', 'ALTER EXTENSION workflow UPDATE', @verbose);
	like($refused, qr/ERROR:  55P03: what is to be changed is in use.*ALTER EXTENSION workflow UPDATE TO '\Q$old\E'/s,
		"$version: nobody is waited for between two scripts");
	is($node->safe_psql('empty', q{SELECT extversion FROM pg_extension WHERE extname = 'workflow'}), $version, 'and nothing has changed');
	$node->safe_psql('empty', "ALTER EXTENSION workflow UPDATE TO '$old'");
	$reader->query_safe('COMMIT');
	$reader->quit;
	$node->safe_psql('empty', 'ALTER EXTENSION workflow UPDATE');
	same_catalogue($node->safe_psql('empty', $catalogue), "$version, $old, $new: the catalogs are those of a new database");

	$node->safe_psql('postgres', 'DROP DATABASE empty');
	$node->safe_psql('postgres', 'CREATE DATABASE empty');
	$node->safe_psql('empty', "CREATE EXTENSION workflow VERSION '$version'");
	$node->safe_psql('empty', 'ALTER EXTENSION workflow UPDATE');
	same_catalogue($node->safe_psql('empty', $catalogue), "$version to $new at once: the same");
}

# Whatever an update script may forget is seen.
my @planted = (
	'ALTER TABLE workflow.failure ADD COLUMN more int',
	'ALTER TABLE workflow.failure ALTER COLUMN since SET NOT NULL',
	'ALTER TABLE workflow.failure ALTER COLUMN since SET DEFAULT now()',
	'ALTER TABLE workflow.erasure ALTER COLUMN seen TYPE timestamp',
	q{UPDATE pg_attribute SET attcollation = 'pg_catalog."default"'::regcollation WHERE attrelid = 'workflow.resting'::regclass AND attname = 'definition'},
	'ALTER TABLE workflow.failure ALTER COLUMN message SET STORAGE external',
	'ALTER TABLE workflow.failure RENAME COLUMN since TO began',
	'ALTER TABLE workflow.definition ALTER COLUMN id SET GENERATED BY DEFAULT',
	'ALTER TABLE workflow.failure DROP CONSTRAINT failure_pkey',
	'ALTER TABLE workflow.failure ADD CHECK (attempts > 0)',
	'ALTER TABLE workflow.failure ADD CHECK (attempts > 0) NOT VALID',
	'CREATE INDEX ON workflow.failure (at)',
	'DROP INDEX workflow.timer_name',
	'ALTER TABLE workflow.process SET (fillfactor = 50)',
	'ALTER TABLE workflow.failure SET UNLOGGED',
	'ALTER TABLE workflow.failure REPLICA IDENTITY FULL',
	'ALTER TABLE workflow.failure ENABLE ROW LEVEL SECURITY',
	'CREATE POLICY p ON workflow.failure USING (true)',
	'ALTER SEQUENCE workflow.timer_seq_seq INCREMENT 2',
	'CREATE TABLE workflow.more (a int)',
	'ALTER EXTENSION workflow DROP TABLE workflow.failure',
	q{UPDATE pg_extension SET extcondition[1] = 'WHERE true' WHERE extname = 'workflow'},
	q{UPDATE pg_extension SET extconfig = extconfig[2:], extcondition = extcondition[2:] WHERE extname = 'workflow'},
	q{CREATE OR REPLACE VIEW workflow.calendars WITH (security_barrier) AS SELECT c.name, o.name AS owner, c.at, c.calendar FROM workflow.calendar c LEFT JOIN workflow.owner o ON o.id = c.owner},
	'ALTER VIEW workflow.errors RESET (security_barrier)',
	'CREATE RULE r AS ON INSERT TO workflow.errors DO INSTEAD NOTHING',
	'CREATE TRIGGER t BEFORE TRUNCATE ON workflow.failure EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()',
	'ALTER FUNCTION workflow.library_version() VOLATILE',
	'ALTER FUNCTION workflow.library_version() COST 7',
	'ALTER FUNCTION workflow.library_version() SET search_path TO pg_catalog',
	'ALTER FUNCTION workflow.library_version() PARALLEL UNSAFE',
	q{CREATE OR REPLACE FUNCTION workflow.wake() RETURNS void LANGUAGE c STRICT AS '$libdir/workflow', 'workflow_adopt'},
	'CREATE FUNCTION workflow.more() RETURNS int LANGUAGE sql RETURN 1',
	'ALTER EXTENSION workflow DROP FUNCTION workflow.library_version(); DROP FUNCTION workflow.library_version()',
	'GRANT EXECUTE ON FUNCTION workflow.dry_run TO PUBLIC',
	'REVOKE EXECUTE ON FUNCTION workflow.library_version() FROM workflow_monitor',
	'GRANT SELECT ON workflow.errors TO PUBLIC',
	'GRANT SELECT (message) ON workflow.failure TO workflow_user',
	'REVOKE USAGE ON SCHEMA workflow FROM workflow_user',
	'GRANT USAGE ON TYPE workflow.status TO PUBLIC',
	'ALTER DEFAULT PRIVILEGES IN SCHEMA workflow GRANT SELECT ON TABLES TO workflow_user',
	q{DELETE FROM pg_init_privs WHERE objoid = 'workflow.errors'::regclass},
	q{ALTER TYPE workflow.status RENAME VALUE 'idled' TO 'waits'},
	'ALTER TYPE workflow.verdict ADD ATTRIBUTE deferred boolean',
	'CREATE DOMAIN workflow.n AS int CHECK (VALUE > 0)',
	'CREATE OPERATOR workflow.=== (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)',
	"COMMENT ON TABLE workflow.failure IS 'x'",
	"COMMENT ON COLUMN workflow.failure.since IS 'x'",
	"COMMENT ON FUNCTION workflow.library_version() IS 'x'",
	"COMMENT ON EXTENSION workflow IS 'x'",
	'CREATE STATISTICS workflow.s ON process, seq FROM workflow.failure',
	'ALTER TABLE workflow.failure OWNER TO clerk',
	q{UPDATE pg_depend SET deptype = 'a' WHERE objid = 'workflow.failure'::regclass AND deptype = 'e'});
foreach my $planted (@planted)
{
	isnt($node->safe_psql('fresh', "BEGIN; $planted; $catalogue; ROLLBACK"), $fresh, "a difference is seen: $planted");
}
same_catalogue($node->safe_psql('fresh', $catalogue), 'where there is none, none is');
$node->stop;

#
# A database with everything in it, of an old version: there it is brought to
# its end by this library, and its copy after an update.
#
my $world = world_node('world');

# The columns of the tables of a database.
sub columns_of
{
	my ($database) = @_;

	return $world->safe_psql($database, q{
		SELECT c.relname, string_agg(quote_literal(a.attname), ', ') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'r' GROUP BY 1 ORDER BY relname COLLATE "C"});
}

# Every row, as JSON, of these columns.
sub stored
{
	my ($database, $columns) = @_;

	return $world->safe_psql($database, join ';', map {
		my ($table, $of_it) = split /\|/;
		my $row = qq{(SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(t) - 'since') WHERE key IN ($of_it))};
		qq{SELECT '$table', $row FROM workflow."$table" t ORDER BY ${row}::text COLLATE "C"};
	} split /\n/, $columns);
}

foreach my $version (@older, $old)
{
	$world->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
	$world->reload;
	build_world($world, 'before', $version);
	$world->safe_psql('postgres', 'CREATE DATABASE after TEMPLATE before');
	is(adopt($world, 'after'), 2, "the world of $version, adopted");
	$world->safe_psql('postgres', 'ALTER SYSTEM SET workflow.enabled = off');
	$world->reload;
	wait_for_in($world, 'after', q{SELECT count(*) = 0 FROM workflow.activity WHERE kind = 'executor'}, 'the executors to leave');
	my $columns = columns_of('after');
	my $rows = stored('after', $columns);
	my $since = $version eq '0.1.0' ? 0 : $world->safe_psql('after', 'SELECT count(since) FROM workflow.failure');
	$world->safe_psql('after', 'ALTER EXTENSION workflow UPDATE');
	is(stored('after', $columns), $rows, "updated from $version: every row is there");
	$fresh = made_afresh($world, qw(clerk courier));
	same_catalogue($world->safe_psql('after', $catalogue), 'and the catalogs are those of a new database');
	is($world->safe_psql('after', 'SELECT count(since) FROM workflow.failure'), $since, 'since when something failed is known if it was noted');
	$world->safe_psql('postgres', 'ALTER SYSTEM RESET workflow.enabled');
	$world->reload;
	my $end = slurp_file("$FindBin::Bin/../data/dump-$version.end");
	# this library made that world: it notes when the start of a child was due, and
	# keeps no contexts with receipts
	$end =~ s/^(history \| \S+ \S+ > child \|.*\| workflow\.start \| (\S+ \S+)) \| t/$1 | $2 | t/mg;
	$end =~ s/^(receipt \|.*?\}) \| \{"who.*$/$1/mg;
	foreach my $database (qw(before after))
	{
		is(problems($world, $database), '', "$database the update: in order");
		is(bring_to_end($world, $database) . "\n", $end, "$database the update: all ends as it did with the library of $version");
		is(problems($world, $database), '', "$database the update: in order at the end");
		$world->safe_psql('postgres', "DROP DATABASE $database");
	}
}
$world->stop;
done_testing();
