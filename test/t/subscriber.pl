# Rows that come to a database by logical replication: they did what they do where they were
# written. In the subscriber a table trigger makes nothing of them, nor of the copy that a
# subscription begins with, even where its triggers are always fired; of what is written
# there it does. Rows that carry the states of processes elsewhere come, too: who guards them
# does so where they are written.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nmax_worker_processes = 32\nworkflow.max_executors = 2\n");
$publisher->start;
$publisher->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($publisher, 'clerk');
my $subscriber = workflow_node('subscriber', 'workflow.max_executors = 2');

# The same shop in both places.
foreach my $place ($publisher, $subscriber)
{
	$place->safe_psql('postgres', 'CREATE SCHEMA office AUTHORIZATION clerk');
	as($place, 'clerk', q{
		CREATE TABLE office.orders (id int PRIMARY KEY, state text);
		CREATE TABLE office.done (id int, op text);
		SELECT workflow.create_job('book', 'INSERT INTO office.done VALUES ($id, $op)', '{"id": "int", "op": "text"}');
		SELECT workflow.define('{"id": "order", "initial": "open", "states": {"open": {"on": {"pay": "paid"}}, "paid": {"type": "final"}}}');
		SELECT workflow.create_table_trigger('book', 'office.orders', 'insert, update, delete', 'book');
		SELECT workflow.create_table_trigger('open', 'office.orders', 'insert', definition => 'order', key => 'id')});
}
my $trigger = q{SELECT string_agg(format('ALTER TABLE %s ENABLE %s TRIGGER %I', tgrelid::regclass, $$MODE$$, tgname), '; ') FROM pg_trigger
	WHERE NOT tgisinternal AND tgrelid = 'office.orders'::regclass};

# What was made: runs that were done, and processes.
my $done = q{SELECT coalesce(string_agg(concat(op, ' ', id), ', ' ORDER BY id, op), 'nothing') FROM office.done};
my $orders = q{SELECT coalesce(string_agg(key, ', ' ORDER BY key), 'nothing') FROM workflow.processes};

sub comes_to
{
	my ($place, $query, $wanted, $what) = @_;

	wait_for($place, qq{SELECT ($query) = '$wanted'}, $what);
	ok(1, $what);
	return;
}

as($publisher, 'clerk', q{INSERT INTO office.orders SELECT i, 'new' FROM generate_series(1, 3) i});
comes_to($publisher, $done, 'insert 1, insert 2, insert 3', 'where they were written rows make runs');
comes_to($publisher, $orders, '1, 2, 3', 'and processes');

# Triggers as they are made, fired in replicas only, and always.
foreach my $mode ('ORIGIN', 'REPLICA', 'ALWAYS')
{
	my $statements = $trigger;
	$statements =~ s/\$\$MODE\$\$/$mode eq 'ORIGIN' ? "''" : "'$mode'"/e;
	$subscriber->safe_psql('postgres', $subscriber->safe_psql('postgres', $statements));
	$publisher->safe_psql('postgres', 'CREATE PUBLICATION orders FOR TABLE office.orders');
	$subscriber->safe_psql('postgres', sprintf('CREATE SUBSCRIPTION orders CONNECTION $$%s$$ PUBLICATION orders', $publisher->connstr('postgres')));
	$subscriber->wait_for_subscription_sync($publisher, 'orders');
	as($publisher, 'clerk', q{INSERT INTO office.orders VALUES (4, 'new'); UPDATE office.orders SET state = 'changed' WHERE id = 1; DELETE FROM office.orders WHERE id = 2});
	$publisher->wait_for_catchup('orders');
	is($subscriber->safe_psql('postgres', q{SELECT string_agg(id || ' ' || state, ', ' ORDER BY id) FROM office.orders}), '1 changed, 3 new, 4 new', "$mode: rows have come");
	is($subscriber->safe_psql('postgres', q{SELECT (SELECT count(*) FROM workflow.runs) + (SELECT count(*) FROM workflow.processes)}), 0, "$mode: nothing was made of them");
	$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION orders; TRUNCATE office.orders');
	$publisher->safe_psql('postgres', 'DROP PUBLICATION orders');
	as($publisher, 'clerk', q{DELETE FROM office.orders; INSERT INTO office.orders SELECT i, 'new' FROM generate_series(1, 3) i});
}

# What is written in the subscriber is its own.
as($subscriber, 'clerk', q{INSERT INTO office.orders VALUES (10, 'new')});
comes_to($subscriber, $done, 'insert 10', 'of what is written in the subscriber runs are made');
comes_to($subscriber, $orders, '10', 'and processes');

# A restore with triggers off, as tools load data.
$subscriber->safe_psql('postgres', q{SET session_replication_role = replica; INSERT INTO office.orders VALUES (11, 'new'); UPDATE office.orders SET state = 'x'});
as($subscriber, 'clerk', q{DELETE FROM office.orders WHERE id = 11});
comes_to($subscriber, $done, 'insert 10, delete 11', 'but not of what is loaded as in a replica');

# Rows that carry states: those of the publisher's processes come, beside those of ours.
foreach my $place ($publisher, $subscriber)
{
	as($place, 'clerk', q{CREATE TABLE office.carrier (id text PRIMARY KEY, state text); SELECT workflow.bind('order', 'office.carrier', 'id', 'state')});
}
$publisher->safe_psql('postgres', 'CREATE PUBLICATION carrier FOR TABLE office.carrier');
$subscriber->safe_psql('postgres', sprintf('CREATE SUBSCRIPTION carrier CONNECTION $$%s$$ PUBLICATION carrier', $publisher->connstr('postgres')));
$subscriber->wait_for_subscription_sync($publisher, 'carrier');
as($publisher, 'clerk', q{INSERT INTO office.carrier VALUES ('theirs'); SELECT workflow.start('order', key => 'theirs')});
as($publisher, 'clerk', q{SELECT workflow.send_by_key('order', 'theirs', 'pay')});
as($subscriber, 'clerk', q{INSERT INTO office.carrier VALUES ('ours'); SELECT workflow.start('order', key => 'ours')});
$publisher->wait_for_catchup('carrier');
is($subscriber->safe_psql('postgres', q{SELECT string_agg(id || ' ' || state, ', ' ORDER BY id) FROM office.carrier}), 'ours open, theirs paid', 'rows carry the states of both');
like(refusal($subscriber, 'clerk', q{UPDATE office.carrier SET state = 'x' WHERE id = 'ours'}), qr/carries the states of processes of "order"/, 'which nobody writes by hand');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION carrier');
is($subscriber->safe_psql('postgres', q{SELECT string_agg(problem, ', ') FROM workflow.check()}), '', 'everything fits together');

$subscriber->stop;
$publisher->stop;
done_testing();
