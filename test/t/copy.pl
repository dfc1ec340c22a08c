# A copied database is quiet until adopt(): then its work goes on there, and
# that of the original goes on in the original.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('copy', 'workflow.sweep_interval = 1s');

sub wait_in
{
	my ($database, $query, $what) = @_;

	$node->poll_query_until($database, $query) or die "waited in vain for $what";
	return;
}

$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION workflow');
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new",
		"states": {"new": {"after": {"1 day": "packed"}, "on": {"note": null}}, "packed": {"type": "final"}}}');
	SELECT workflow.start_many('order', array_fill(null::jsonb, ARRAY[3]), ARRAY['a', 'b', 'c'])}, 'shop');
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE shop');

# All of it is due in the copy; nobody may look at it, who commands or what works.
$node->safe_psql('twin', 'UPDATE workflow.timer SET due = now()');
foreach my $command (q{workflow.start('order')}, q{workflow.send_by_key('order', 'a', 'note')},
	q{workflow.define('{"id": "x", "initial": "a", "states": {"a": {}}}')})
{
	my ($status, $out, $err) = $node->psql('twin', "SELECT $command", extra_params => [ '-U', 'clerk', '-v', 'VERBOSITY=verbose' ]);

	like($err, qr/ERROR:  55000: the workflows of this database were made in another one.*adopt/s, "$command is refused in the copy");
}
# Whoever is told to look at it finds it to be a copy.
$node->safe_psql('twin', 'SELECT workflow.wake()');
wait_in('twin', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'workflow%' AND datname = 'twin'}, 'no worker');
is($node->safe_psql('twin', 'SELECT count(*), min(step), max(step) FROM workflow.process'), '3|1|1', 'nothing runs there');

is($node->safe_psql('twin', 'SELECT workflow.adopt()'), '1', 'adopt() finds one owner');
wait_in('twin', q{SELECT count(*) = 3 FROM workflow.process WHERE states = '{packed}'}, 'the orders of the copy');
ok(1, 'then its work goes on');
is(as($node, 'clerk', q{SELECT workflow.start('order', key => 'd') IS NOT NULL}, 'twin'), 't', 'and new work is taken');
is($node->safe_psql('shop', q{SELECT count(*) FROM workflow.process WHERE states = '{new}'}), '3', 'the original knows nothing of it');
is(as($node, 'clerk', q{SELECT (workflow.send_by_key('order', 'a', 'note')).taken}, 'shop'), 't', 'commands go on there');
as($node, 'clerk', q{SELECT workflow.set_timer(workflow.find('order', 'a'), '1 day', now())}, 'shop');
wait_in('shop', q{SELECT states = '{packed}' FROM workflow.process WHERE key = 'a'}, 'the original');
ok(1, 'and work, too');

$node->stop;
done_testing();
