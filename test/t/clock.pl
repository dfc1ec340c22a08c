# The server's clock jumps: forward, as when a machine was suspended, it costs a
# minute at most, whoever sleeps just then; back, nothing comes early. In this server
# a minute takes a second (test/module/other_clock.c). Whoever sleeps meanwhile does
# so without a transaction.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = PostgreSQL::Test::Cluster->new('clock');
my $offset = $node->basedir . '/offset';

sub set_clock
{
	my ($seconds) = @_;

	# in place: it is mapped
	open(my $file, -e $offset ? '+<' : '>', $offset) or die "$offset: $!";
	binmode $file;
	print $file pack('q', $seconds);
	close $file;
	return;
}
set_clock(0);
chmod 0644, $offset;

$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
autovacuum = off
workflow.sweep_interval = 1d
workflow.runtime_idle_timeout = 1d
workflow.executor_idle_timeout = 1d
});
{
	local $ENV{LD_PRELOAD} = test_library($node, 'other_clock');
	local $ENV{OTHER_CLOCK} = $offset;
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($node, 'clerk');
as($node, 'clerk', q{
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {
		"new": {"on": {"go": "over"}, "after": {"2 hours": "over"}}, "over": {"type": "final"}}}')});

my $over = q{SELECT status = 'finalized' FROM workflow.processes WHERE key = };
my $hours = 0;

# Whoever sleeps, in whatever state, hears of it.
sub jumps
{
	my ($key, $state) = @_;

	$hours += 3;
	set_clock($hours * 3600);
	wait_for($node, "$over '$key'");
	ok(1, "forward: $state");
	return;
}

as($node, 'clerk', q{SELECT workflow.start('order', key => 'first')});
wait_for($node, q{SELECT state = 'running' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime');
is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.activity WHERE kind = 'executor'}), 0, 'no executor is there');
jumps('first', 'a runtime sleeps');

as($node, 'clerk', q{SELECT workflow.start('order', key => 'second')});
wait_for($node, q{SELECT count(*) > 0 AND bool_and(state = 'idle') FROM workflow.activity WHERE kind = 'executor'}, 'the executor');
jumps('second', 'an executor sleeps');

# A minute and another one go by.
my $batches = q{SELECT sum(batches) FROM workflow.activity WHERE kind = 'executor'};
wait_for($node, q{SELECT count(*) > 0 AND bool_and(state = 'idle' AND clock_timestamp() > since + '1 second') FROM workflow.activity WHERE kind = 'executor'});
my $before = $node->safe_psql('postgres', $batches);
wait_for($node, q{SELECT count(*) > 0 AND bool_and(state = 'idle' AND clock_timestamp() > since + '4 seconds') FROM workflow.activity WHERE kind = 'executor'});
is($node->safe_psql('postgres', $batches), $before, 'who wakes in vain begins no transaction');

as($node, 'clerk', q{SELECT workflow.start('order', key => 'third')});
$node->append_conf('postgresql.conf', "workflow.runtime_idle_timeout = 1s\nworkflow.executor_idle_timeout = 1s");
$node->reload;
wait_for($node, q{SELECT state = 'resting' FROM workflow.activity WHERE kind = 'runtime'}, 'the runtime to rest');
jumps('third', 'the launcher sleeps, and nobody else is there');

# Back: what was armed while the clock was ahead waits, and so does what was armed
# before. What is new comes in time.
as($node, 'clerk', q{SELECT workflow.start('order', key => 'ahead')});
set_clock(0);
as($node, 'clerk', q{SELECT workflow.start('order', key => 'behind')});
as($node, 'clerk', q{SELECT workflow.start('order', key => 'now'), workflow.post(workflow.find('order', 'now'), 'go')});
wait_for($node, "$over 'now'");
ok(1, 'back: what is due is done');
is($node->safe_psql('postgres', q{SELECT string_agg(key, ' ' ORDER BY key) FROM workflow.processes WHERE status <> 'finalized'}), 'ahead behind', 'nothing is early');
set_clock(3 * 3600);
wait_for($node, "$over 'behind'");
is($node->safe_psql('postgres', "$over 'ahead'"), 'f', 'and comes in its order');
set_clock(($hours + 3) * 3600);
wait_for($node, "$over 'ahead'");
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.process_history WHERE at < due'), 0, 'nothing was before it was due');

$node->stop;
done_testing();
