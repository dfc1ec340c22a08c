# Whoever creates the extension is a superuser then, and may be none later: all
# that is ours is done with the rights of that role, who owns the tables, and
# nothing of it needs more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('creator', 'workflow.sweep_interval = 1s', 'workflow.max_attempts = 1');
workflow_role($node, $_) foreach qw(guest);
$node->safe_psql('postgres', q{
	CREATE ROLE boss SUPERUSER LOGIN;
	CREATE ROLE viewer LOGIN IN ROLE workflow_monitor;
	CREATE ROLE chief LOGIN IN ROLE workflow_admin});
$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER boss');
# What boss has everybody do with tables and functions of his own holds for those, not for ours.
as($node, 'boss', 'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO viewer; ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO viewer;
	ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO guest; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO guest; ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO guest', 'shop');
my $defaults = 'SELECT d.defaclobjtype, a FROM pg_default_acl d, aclexplode(d.defaclacl) a ORDER BY 1, a::text';
my $set = $node->safe_psql('shop', $defaults);
as($node, 'boss', 'CREATE EXTENSION workflow', 'shop');
is($node->safe_psql('shop', q{
		SELECT count(*) FILTER (WHERE relacl::text ~ 'guest|viewer' OR relkind IN ('r', 'p', 'S') AND EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee <> relowner)),
			(SELECT count(*) FROM pg_proc WHERE pronamespace = 'workflow'::regnamespace AND proacl::text ~ 'guest|viewer'),
			(SELECT count(*) FROM pg_type WHERE typnamespace = 'workflow'::regnamespace AND typacl::text ~ 'guest|viewer'),
			(SELECT count(*) FROM pg_namespace WHERE nspname = 'workflow' AND nspacl::text ~ 'guest|viewer')
		FROM pg_class WHERE relnamespace = 'workflow'::regnamespace}),
	'0|0|0|0', 'default privileges give nobody anything of ours');
is($node->safe_psql('shop', $defaults), $set, 'and are as they were');
as($node, 'boss', 'CREATE TABLE public.own ()', 'shop');
is($node->safe_psql('shop', q{SELECT has_table_privilege('viewer', 'public.own', 'SELECT')}), 't', 'for what is made next, too');
as($node, 'boss', 'DROP TABLE public.own; DROP OWNED BY viewer, guest', 'shop');
# Whatever the role is called, and however it has restricted what the server gives everybody.
$node->safe_psql('postgres', 'CREATE ROLE "Head of ""IT""" SUPERUSER LOGIN; CREATE DATABASE restricted');
as($node, 'Head of "IT"', 'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
	ALTER DEFAULT PRIVILEGES GRANT SELECT, TRIGGER ON TABLES TO viewer WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO viewer', 'restricted');
$set = $node->safe_psql('restricted', $defaults);
as($node, 'Head of "IT"', 'CREATE EXTENSION workflow', 'restricted');
is($node->safe_psql('restricted', $defaults), $set, 'default privileges that take something away are as they were');
my $types = q{SELECT typname FROM pg_type WHERE typnamespace = 'workflow'::regnamespace AND typacl IS NOT NULL ORDER BY 1};
is($node->safe_psql('restricted', $types), $node->safe_psql('shop', $types), 'and take nothing of ours away');
$node->safe_psql('postgres', 'DROP DATABASE restricted; DROP ROLE "Head of ""IT"""');
$node->safe_psql('postgres', 'ALTER ROLE boss NOSUPERUSER');
is($node->safe_psql('shop', q{
		SELECT r.rolname, r.rolsuper FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = 'workflow.process'::regclass}),
	'boss|f', 'the tables belong to a role like any other');

sub does
{
	my ($role, $sql, $name, $expected) = @_;
	my (undef, $out, $err) = $node->psql('shop', $sql, extra_params => [ '-U', $role ]);

	is("$out$err", $expected // '', "$role: $name");
	return;
}

#
# Definitions, commands, timers, children
#
$node->safe_psql('shop', 'CREATE SCHEMA office AUTHORIZATION clerk');
does('clerk', q{
	CREATE FUNCTION office.bad(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'bad'; END $$;
	SELECT workflow.define('{"id": "kid", "initial": "a", "states": {"a": {"after": {"0": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.define('{"id": "order", "initial": "new", "search": {"n": "$.n"}, "context": {"n": 1}, "states": {
		"new": {"defer": ["later"], "invoke": {"id": "k", "src": "kid", "onDone": "packed"}},
		"packed": {"on": {"later": "sent", "fail": {"actions": "office.bad"}}},
		"sent": {"after": {"10": "done"}}, "done": {"type": "final"}}}');
	SELECT workflow.grant_on('order', 'guest', 'start')}, 'define()', "1\n1\n");
does('clerk', q{SELECT deferred FROM workflow.send(workflow.start('order', key => 'one'), 'later')}, 'start() and send()', 't');
wait_for_in($node, 'shop', q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'one'}, 'an order to be sent');
ok(1, 'timers fire, children end');
as($node, 'clerk', q{SELECT workflow.start('order', key => 'two')}, 'shop');
wait_for_in($node, 'shop', q{SELECT states = '{packed}' FROM workflow.processes WHERE key = 'two'}, 'a second one to be packed');
does('clerk', q{SELECT workflow.post_by_key('order', 'two', 'fail')}, 'post()');
wait_for_in($node, 'shop', q{SELECT given_up FROM workflow.errors WHERE key = 'two'}, 'a failure');
ok(1, 'failures are noted');
does('guest', q{SELECT workflow.start('order', key => 'guest') IS NOT NULL}, 'start() by another role', 't');
does('clerk', q{SELECT workflow.pause('kid'), workflow.unpause('kid'); SELECT workflow.suspend(workflow.find('order', 'two')); SELECT workflow.resume(workflow.find('order', 'two'));
	SELECT workflow.define_calendar('c', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}')}, 'pause(), suspend(), calendars', "t|t\nt\nt\n");

#
# To look
#
my @views = split /\n/, $node->safe_psql('shop', q{
	SELECT relname FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'v'
		AND relname NOT IN ('inconsistencies', 'membership', 'outcomes', 'owner_map') ORDER BY relname});
cmp_ok(scalar(@views), '>', 9, 'there are views');
foreach my $view (@views)
{
	does($_, "SELECT count(*) >= 0 FROM workflow.$view", "the view $view", 't') foreach qw(clerk guest viewer);
}
does('viewer', "SELECT count(*) >= 0 FROM workflow.$_", "the view $_", 't') foreach qw(inconsistencies membership owner_map);
wait_for_in($node, 'shop', q{SELECT bool_and(status <> 'initialized') FROM workflow.processes}, 'children to begin');
does('clerk', q{SELECT count(*) FROM workflow.processes WHERE definition = 'order'}, 'sees all', 3);
does('guest', q{SELECT count(*) FROM workflow.processes}, 'sees what it has started', 1);
does('viewer', q{SELECT count(*) FROM workflow.processes WHERE definition = 'order'}, 'sees all', 3);
does('clerk', q{SELECT count(*) FROM workflow.search('order', attributes => '{"n": 1}')}, 'search()', 3);
does('viewer', 'SELECT * FROM workflow.check()', 'check()');

#
# Roles that are renamed; what is over expires
#
$node->safe_psql('postgres', 'ALTER ROLE guest RENAME TO visitor; CREATE ROLE guest LOGIN IN ROLE workflow_user');
does('guest', q{SELECT workflow.define('{"id": "of guest", "initial": "a", "states": {"a": {}}}')}, 'a new role of the name defines', 1);
does('visitor', q{SELECT count(*) FROM workflow.processes}, 'still sees what it has started', 1);
does('chief', 'SELECT workflow.adopt()', 'adopt()', 2);
does('chief', q{SELECT expired FROM workflow.expire('1 day')}, 'expire()', 0);
does('boss', 'SELECT workflow.adopt()', 'adopt() is for administrators',
	"psql:<stdin>:1: ERROR:  must be superuser or member of workflow_admin to call workflow.adopt()");

#
# Erasing, while others have open transactions: one whose beginning is hidden
# from the owner of the tables, one that tells nobody when it began, one that is
# prepared. Each posts, and commits when the process is gone.
#
sub erased_meanwhile
{
	my ($name, $before, $end, $settings) = @_;

	$node->safe_psql('postgres', "ALTER ROLE clerk $settings");
	my $process = as($node, 'clerk', "SELECT workflow.start('order')", 'shop');
	my $poster = $node->background_psql('shop', extra_params => [ '-U', 'clerk' ]);
	$poster->query_safe("BEGIN; SELECT workflow.post('$process', 'later', at => now() + interval '1 year')");
	$poster->query_safe($_) foreach @$before;
	does('clerk', "SELECT history > 0 FROM workflow.erase('$process', force => true)", "erase(), $name", 't');
	wait_for_in($node, 'shop', "SELECT seen IS NOT NULL FROM workflow.erasure WHERE process = '$process'", "the runtime to look, $name");
	is($node->safe_psql('shop', "SELECT pending FROM workflow.erasure WHERE process = '$process'"), 't', "$name: the erasure is pending");
	does('viewer', 'SELECT * FROM workflow.check()', 'check()');
	$poster->query_safe($end);
	$poster->quit;
	wait_for_in($node, 'shop', "SELECT NOT pending FROM workflow.erasure WHERE process = '$process'", "the runtime to see the end of it, $name");
	is($node->safe_psql('shop', "SELECT count(*) FROM workflow.timer WHERE process = '$process'"), 0, "$name: what was posted is deleted");
	return;
}
erased_meanwhile('a transaction of another role', [], 'COMMIT', 'RESET ALL');
erased_meanwhile('a transaction without track_activities', [], 'COMMIT', 'SET track_activities TO off');
erased_meanwhile('a prepared transaction', [ "PREPARE TRANSACTION 'late'" ], "COMMIT PREPARED 'late'", 'RESET ALL');
does('clerk', q{SELECT count(*) FROM workflow.erasures}, 'the view erasures', 3);

#
# Another superuser brings an older version up to date; the creator drops it.
#
$node->safe_psql('postgres', 'ALTER ROLE boss SUPERUSER');
$node->safe_psql('postgres', 'CREATE DATABASE older OWNER boss');
as($node, 'boss', "CREATE EXTENSION workflow VERSION '0.2.0'", 'older');
$node->safe_psql('postgres', 'ALTER ROLE boss NOSUPERUSER');
$node->safe_psql('older', 'ALTER EXTENSION workflow UPDATE');
is(as($node, 'clerk', q{
		SELECT workflow.define('{"id": "o", "initial": "a", "states": {"a": {}}}');
		SELECT status FROM workflow.get(workflow.start('o'));
		SELECT count(*) FROM workflow.processes}, 'older'), "1\nidled\n1", 'after an update by somebody else');

foreach my $database (qw(shop older))
{
	is(as($node, 'boss', 'DROP EXTENSION workflow; SELECT count(*) FROM pg_namespace WHERE nspname = \'workflow\'', $database), 0, "$database: DROP EXTENSION");
}
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname IN ('shop', 'older')}, 'the workers to leave');
$node->safe_psql('shop', 'DROP SCHEMA office CASCADE');
$node->safe_psql('postgres', 'DROP DATABASE shop; ');
$node->safe_psql('postgres', 'DROP DATABASE older');
$node->safe_psql('postgres', 'DROP ROLE guest; DROP ROLE visitor');
unlike(log_since($node), qr/permission denied|TRAP|PANIC/, 'nothing was denied');

$node->stop;
done_testing();
