# Table triggers and executors, crashes, dumps and copies: what a restored database makes
# of the rows of its tables, before adopt() and after it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('triggers', 'workflow.max_executors = 2');
my $other = workflow_node('elsewhere', 'workflow.max_executors = 2');
my $dump = $node->basedir . '/shop.sql';

foreach my $place ($node, $other)
{
	$place->safe_psql('postgres', 'CREATE ROLE writer LOGIN; CREATE ROLE guest LOGIN IN ROLE workflow_user');
}
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION workflow; CREATE SCHEMA office AUTHORIZATION clerk; GRANT USAGE ON SCHEMA office TO PUBLIC');
as($node, 'clerk', q{
	CREATE TABLE office.orders (id int PRIMARY KEY, state text);
	GRANT ALL ON office.orders TO writer;
	CREATE TABLE office.done (id int, op text, who text);
	SELECT workflow.create_job('book', 'INSERT INTO office.done VALUES ($id, $op, current_user)', '{"id": "int", "op": "text"}');
	SELECT workflow.define('{"id": "order", "initial": "open", "states": {
		"open": {"on": {"changed": [{"target": "paid", "guard": {"@expr": "event#>>''{data,new,state}'' = ''paid''"}}]}}, "paid": {"type": "final"}}}');
	CREATE TABLE office.carrier (id text PRIMARY KEY, state text);
	GRANT ALL ON office.carrier TO writer;
	SELECT workflow.bind('order', 'office.carrier', 'id', 'state');
	SELECT workflow.create_table_trigger('book', 'office.orders', 'insert, delete', 'book');
	SELECT workflow.create_table_trigger('open', 'office.orders', 'insert', definition => 'order', key => 'id');
	SELECT workflow.create_table_trigger('tell', 'office.orders', 'update', definition => 'order', event => 'changed', key => 'id',
		"when" => 'new.state <> old.state')}, 'shop');

my $done = q{SELECT string_agg(concat_ws(' ', id, op, who), ', ' ORDER BY id, op) FROM office.done};
my $orders = q{SELECT string_agg(key || ' ' || states[1], ', ' ORDER BY key) FROM workflow.processes WHERE definition = 'order'};

sub problems { return $_[0]->safe_psql($_[1], 'ANALYZE; SELECT * FROM workflow.check()'); }
sub adopt { return $_[0]->safe_psql($_[1], 'SELECT workflow.adopt()'); }

# Rows that carry states: those of their processes, and nobody writes others.
sub carry
{
	my ($where, $database, $what) = @_;

	is($where->safe_psql($database, q{SELECT count(*) FROM office.carrier c JOIN workflow.processes p ON p.key = c.id
		WHERE c.state IS DISTINCT FROM array_to_string(p.states, ',')}), 0, "$what: rows carry the states of their processes");
	my ($code, $out, $err) = $where->psql($database, q{UPDATE office.carrier SET state = 'x' WHERE id = '1'}, extra_params => [ '-U', 'writer' ]);
	like($err, qr/carries the states of processes of "order"/, "$what: nobody else writes them");
	return;
}

# Wait until an answer is what it has to be.
sub comes_to
{
	my ($where, $database, $query, $wanted, $what) = @_;

	ok($where->poll_query_until($database, $query, $wanted), $what) or diag $where->safe_psql($database, $query);
	return;
}

as($node, 'writer', q{INSERT INTO office.carrier SELECT generate_series(1, 4000)}, 'shop');
as($node, 'writer', q{INSERT INTO office.orders VALUES (1, 'new'), (2, 'new'); UPDATE office.orders SET state = 'paid' WHERE id = 1}, 'shop');
comes_to($node, 'shop', $done, '1 insert clerk, 2 insert clerk', 'executors do what rows have made');
comes_to($node, 'shop', $orders, '1 paid, 2 open', 'and tell processes what has happened to theirs');

#
# A statement that is rolled back makes nothing; a crash loses nothing.
#
as($node, 'writer', q{BEGIN; INSERT INTO office.orders VALUES (3, 'new'); ROLLBACK}, 'shop');
as($node, 'writer', q{INSERT INTO office.orders VALUES (4, 'new')}, 'shop');
$node->stop('immediate');
$node->start;
comes_to($node, 'shop', $done, '1 insert clerk, 2 insert clerk, 4 insert clerk', 'what has committed survives, the rest was never there');
comes_to($node, 'shop', $orders, '1 paid, 2 open, 4 open', 'that of processes, too');

# A load of many rows, with an index that is violated at its end: all or nothing.
isnt($node->psql('shop', q{INSERT INTO office.orders SELECT nullif(g, 5000) FROM generate_series(101, 5000) g}, extra_params => [ '-U', 'writer' ]), 0, 'a load that fails');
is($node->safe_psql('shop', q{SELECT count(*) FROM workflow.processes}), 3, 'has made nothing');
as($node, 'writer', q{INSERT INTO office.orders SELECT g, 'new' FROM generate_series(101, 5000) g}, 'shop');
comes_to($node, 'shop', q{SELECT count(DISTINCT id) || ' ' || count(*) FROM office.done}, '4903 4903', 'of each row of a load one run is done');
comes_to($node, 'shop', q{SELECT count(*) FROM workflow.processes WHERE status = 'idled'}, '4902', 'and one process is started');

is($node->safe_psql('shop', q{SELECT count(*) FROM office.carrier WHERE state IS NOT NULL}), 3 + 3900, 'rows of batches carry states');
carry($node, 'shop', 'the original');

#
# Dumps. The triggers are the user's: they come with the tables, in whatever order.
#
$node->command_ok([ 'pg_dump', '-f', $dump, 'shop' ], 'pg_dump');
foreach my $where ($node, $other)
{
	my $name = $where->name;

	$where->safe_psql('postgres', 'CREATE DATABASE again');
	$where->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'again', '-f', $dump ], "a restore, $name");
	as($where, 'writer', q{INSERT INTO office.orders VALUES (10000, 'new'); UPDATE office.orders SET state = 'paid' WHERE id = 2}, 'again');
	is($where->safe_psql('again', q{SELECT count(*) FROM workflow.run}), 0, "$name: before adopt() no runs are made");
	is($where->safe_psql('again', q{SELECT count(*) FROM workflow.process WHERE key = '10000'}), 0, "$name: nor processes");
	is($where->safe_psql('again', q{SELECT count(*) FROM workflow.timer}), 0, "$name: nor events");
	is(problems($where, 'again'), '', "$name: all is in order");
	as($where, 'writer', q{UPDATE office.carrier SET state = state WHERE id = '1'}, 'again');
	# somebody else who plants a trigger of the same name does not confuse it
	$where->safe_psql('again', q{
		GRANT CREATE ON SCHEMA office TO guest; SET ROLE guest;
		CREATE TABLE office.mine (id int, state text);
		CREATE TRIGGER planted AFTER INSERT ON office.mine REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION workflow.table_trigger('book')});
	adopt($where, 'again');
	is($where->safe_psql('again', q{SELECT string_agg(name || ' ' || on_table || ' ' || state, ', ' ORDER BY name) FROM workflow.table_triggers}),
		'book office.orders ready, open office.orders ready, tell office.orders ready', "$name: adopt() finds the tables");
	as($where, 'writer', q{INSERT INTO office.orders VALUES (10001, 'new'); UPDATE office.orders SET state = 'paid' WHERE id = 4}, 'again');
	comes_to($where, 'again', q{SELECT string_agg(id || ' ' || who, ', ') FROM office.done WHERE id > 5000}, '10001 clerk', "$name: after it rows make runs again");
	comes_to($where, 'again', q{SELECT string_agg(key || ' ' || states[1], ', ' ORDER BY key) FROM workflow.processes WHERE key IN ('2', '4', '10000', '10001')},
		'10001 open, 2 open, 4 paid', "$name: and processes, and events");
	carry($where, 'again', $name);
	is(problems($where, 'again'), '', "$name: all is in order still");
}

# A copy.
$node->safe_psql('postgres', 'DROP DATABASE again');
wait_for($node, 'SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = \'shop\' AND backend_type = \'client backend\')', 'nobody is in the original');
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE shop');
as($node, 'writer', q{INSERT INTO office.orders VALUES (10000, 'new')}, 'again');
is($node->safe_psql('again', q{SELECT count(*) FROM workflow.run}), 0, 'a copy: nothing before adopt()');
adopt($node, 'again');
as($node, 'writer', q{INSERT INTO office.orders VALUES (10001, 'new')}, 'again');
comes_to($node, 'again', q{SELECT string_agg(id || ' ' || who, ', ') FROM office.done WHERE id > 5000}, '10001 clerk', 'a copy: all after it');

#
# The extension goes, with CASCADE as the server has it; the tables stay.
#
isnt($node->psql('again', 'DROP EXTENSION workflow'), 0, 'triggers of users hang on the extension');
$node->safe_psql('again', 'DROP EXTENSION workflow CASCADE');
as($node, 'writer', q{INSERT INTO office.orders VALUES (10002, 'new')}, 'again');
is($node->safe_psql('again', q{SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal}), 0, 'without it their tables are tables');

#
# To plan an expression calls what is called IMMUTABLE: code of its owner that changes what
# another expression needs, and gets here again.
#
$node->safe_psql('postgres', 'CREATE SCHEMA odd AUTHORIZATION clerk; GRANT USAGE ON SCHEMA odd TO PUBLIC');
as($node, 'clerk', q{
	CREATE TABLE odd.again (id int); CREATE TABLE odd.armed (id int);
	GRANT ALL ON odd.again TO writer;
	SELECT workflow.create_job('odd');
	CREATE FUNCTION odd.naming(int) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text';
	CREATE FUNCTION odd.writes() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
		DELETE FROM odd.armed;
		IF FOUND THEN
			DROP FUNCTION odd.naming(int);
			BEGIN
				INSERT INTO odd.again VALUES (1);
			EXCEPTION WHEN undefined_function THEN NULL;
			END;
		END IF;
		RETURN true;
	END $$;
	CREATE FUNCTION odd.calls() RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN odd.writes(); END $$;
	SELECT workflow.create_table_trigger('again', 'odd.again', 'insert', 'odd', key => 'odd.naming(id)', "when" => 'odd.calls()');
	INSERT INTO odd.armed VALUES (1)});
foreach my $role ('clerk', 'writer')
{
	my ($code, $out, $err) = $node->psql('postgres', q{INSERT INTO odd.again VALUES (2)}, extra_params => [ '-U', $role ]);
	like($err, qr/an expression of a table trigger was changed while another one was planned/, "$role: a key that is gone when the condition has been planned");
}
as($node, 'clerk', q{SELECT workflow.drop_table_trigger('again')});

# ---- columns that are generated, from PostgreSQL 18 on when a row is read only ------------------

my $kind = $node->safe_psql('postgres', 'SHOW server_version_num') >= 180000 ? 'VIRTUAL' : 'STORED';
$node->safe_psql('postgres', 'CREATE SCHEMA made AUTHORIZATION clerk');
as($node, 'clerk', qq{
	CREATE TABLE made.item (gone int, n int, price numeric, total numeric GENERATED ALWAYS AS (n * price) $kind, label text GENERATED ALWAYS AS ('no ' || n::text) $kind);
	ALTER TABLE made.item DROP COLUMN gone;
	CREATE TABLE made.seen (label text, total numeric);
	SELECT workflow.create_job('seen', 'INSERT INTO made.seen VALUES (\$label, \$total)', '{"label": "text", "total": "numeric"}');
	SELECT workflow.create_table_trigger('seen', 'made.item', 'insert, update', 'seen', key => 'new.label || new.total',
		"when" => 'new.total > 10 AND (old.total IS NULL OR old.total < new.total)');
	INSERT INTO made.item SELECT n, n FROM generate_series(1, 6) n;
	UPDATE made.item SET price = price + CASE WHEN n = 5 THEN -1 ELSE 1 END});
comes_to($node, 'postgres', q{SELECT string_agg(label || ' ' || total, ', ' ORDER BY label, total) FROM made.seen},
	'no 3 12, no 4 16, no 4 20, no 5 25, no 6 36, no 6 42', "generated columns that are $kind are there for params, key and condition");

$node->stop;
$other->stop;
done_testing();
