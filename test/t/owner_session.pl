# Whose rights a command's actions have, in sessions that really are the
# owner's or somebody else's; what no other layer can show, as it takes logins.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('owner', 'workflow.max_executors = 0');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE TABLE shop.parent (id int PRIMARY KEY);
	CREATE TABLE shop.child (parent int REFERENCES shop.parent DEFERRABLE INITIALLY DEFERRED);
	CREATE FUNCTION shop.orphan(context jsonb, event jsonb) RETURNS void
		LANGUAGE sql AS 'INSERT INTO shop.child VALUES (1)';
	CREATE FUNCTION shop.scratch(context jsonb, event jsonb) RETURNS void
		LANGUAGE plpgsql AS 'BEGIN CREATE TEMP TABLE scratch (i int) ON COMMIT DROP; END';
	SELECT workflow.define('{"id": "order", "initial": "a", "states": {
		"a": {"on": {"orphan": {"target": "b", "actions": "shop.orphan"},
		             "scratch": {"actions": "shop.scratch"}}},
		"b": {}}}');
	SELECT workflow.start('order', key => 'one')});

# The owner's own session has no restriction.
is(as($node, 'clerk', q{
		BEGIN;
		SELECT (workflow.send_by_key('order', 'one', 'orphan')).states;
		INSERT INTO shop.parent VALUES (1);
		COMMIT}),
	'{b}', 'a constraint that is deferred lets a command pass and is checked at the commit');
as($node, 'clerk', q{SELECT workflow.start('order', key => 'two'); DELETE FROM shop.child; DELETE FROM shop.parent});
my ($code, $out, $err) = $node->psql('postgres',
	q{SELECT workflow.send_by_key('order', 'two', 'orphan')}, extra_params => [ '-U', 'clerk' ]);
like($err, qr/violates foreign key constraint/, 'where it does not hold the command fails');
is(as($node, 'clerk', q{SELECT (workflow.get(workflow.find('order', 'two'))).states}), '{a}', 'and is undone');
is(as($node, 'clerk', q{SELECT (workflow.send_by_key('order', 'two', 'scratch')).taken}), 't',
	'an action may make temporary tables');

# The CHECK of a domain is code of its maker, and runs as the owner like any
# other, also when the expression is evaluated for the second time.
as($node, 'clerk', q{
	CREATE FUNCTION shop.who(text) RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN RAISE NOTICE 'checked as %', current_user; RETURN true; END $$;
	CREATE DOMAIN shop.word AS text CHECK (shop.who(value));
	SELECT workflow.define('{"id": "spy", "initial": "a", "states": {"a": {"on": {
		"say": {"guard": {"@expr": "(event->''data''->>''w'')::shop.word = ''x''"}}}}}}');
	SELECT workflow.start('spy', key => 'k')});
($code, $out, $err) = $node->psql('postgres', q{
	SELECT workflow.send_by_key('spy', 'k', 'say', '{"w": "x"}');
	SELECT workflow.send_by_key('spy', 'k', 'say', '{"w": "x"}')});
is(join(',', $err =~ /checked as (\w+)/g), 'clerk,clerk', 'a domain in an expression is checked as the owner');

# Code of another role may not leave anything in the session that could run
# with the caller's rights later, nor reach for the caller's cursors.
as($node, 'clerk', q{
	CREATE FUNCTION shop.shadow(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN EXECUTE 'CREATE DOMAIN pg_temp.text AS pg_catalog.text'; END $$;
	CREATE FUNCTION shop.swap(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
		$$ DECLARE c refcursor := 'c'; BEGIN CLOSE c; OPEN c FOR SELECT 1; END $$;
	CREATE FUNCTION shop.open(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
		$$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT 1; END $$;
	CREATE FUNCTION shop.fails(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'failed'; END $$;
	CREATE FUNCTION shop.roundabout(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
		BEGIN
			BEGIN PERFORM workflow.send_by_key('guest', 'k2', 'fail'); EXCEPTION WHEN OTHERS THEN END;
			EXECUTE 'CREATE DOMAIN pg_temp.text AS pg_catalog.text';
		END $$;
	SELECT workflow.define('{"id": "catcher", "initial": "a", "states": {"a": {"on": {
		"go": {"actions": ["shop.fails"], "target": "b"}, "error.execution": "b"}}, "b": {"on": {"error.execution": {"actions": "shop.shadow"}}}}}');
	SELECT workflow.start('catcher', key => 'k');
	SELECT workflow.define('{"id": "guest", "initial": "a", "states": {"a": {"on": {
		"fail": {"actions": "shop.fails"}, "roundabout": {"actions": "shop.roundabout"},
		"shadow": {"actions": "shop.shadow"}, "swap": {"actions": "shop.swap"}, "open": {"actions": "shop.open"}}}}}');
	SELECT workflow.start('guest', key => 'k'); SELECT workflow.start('guest', key => 'k2')});
for my $case (
	[ q{SELECT workflow.send_by_key('guest', 'k', 'shadow')}, qr/cannot create (objects|a type)/, 'no object in pg_temp' ],
	[ q{SELECT workflow.send_by_key('guest', 'k', 'roundabout')}, qr/cannot create (objects|a type)/,
		'nor after an error of another process was caught' ],
	[ q{SELECT workflow.send_by_key('catcher', 'k', 'go')}, qr/cannot create (objects|a type)/,
		'nor where errors are events' ],
	[ q{BEGIN; DECLARE c CURSOR FOR SELECT 2; SELECT workflow.send_by_key('guest', 'k', 'swap')},
		qr/cannot run while cursors are open/, 'no cursor of the caller is touched' ],
	[ q{SELECT workflow.send_by_key('guest', 'k', 'open')}, qr/cannot leave a cursor open/, 'none is left behind' ])
{
	($code, $out, $err) = $node->psql('postgres', $case->[0]);
	like($err, $case->[1], "in the session of somebody else: $case->[2]");
}
is(as($node, 'clerk', q{SELECT (workflow.send_by_key('guest', 'k', 'open')).taken}), 't', 'the owner may do as it likes');

# A name that changes hands takes nothing along.
$node->safe_psql('postgres', 'ALTER ROLE clerk RENAME TO accountant');
workflow_role($node, 'clerk');
($code, $out, $err) = $node->psql('postgres', q{SELECT workflow.start('order')}, extra_params => [ '-U', 'clerk' ]);
like($err, qr/permission denied/, 'a new role of the old name may not start what the old one owns');
($code, $out, $err) = $node->psql('postgres',
	q{SELECT workflow.define('{"id": "order", "initial": "a", "states": {"a": {}}}')},
	extra_params => [ '-U', 'clerk' ]);
like($err, qr/belongs to role "accountant"/, 'nor define another version of it');
is(as($node, 'clerk', q{SELECT count(*) FROM workflow.processes}), '0', 'nor see its processes');
is(as($node, 'accountant', q{SELECT (workflow.send_by_key('order', 'two', 'scratch')).taken}), 't',
	'the old one goes on under its new name');

$node->stop;
done_testing();
