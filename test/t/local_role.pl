# What the server that holds the database does as one that serves calls, "interface": no
# tracked runs, none that schedules have made; but steps, timers, and runs that somebody has
# asked for. The role is changed while it runs, and stays over a restart. And a server that
# works alone, "single_server".
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('local_role', q{workflow.runtime_id = 'here'});

$node->safe_psql('postgres', 'GRANT workflow_runtime TO clerk');
as($node, 'clerk', q{
	SELECT workflow.create_queue('mail');
	SELECT workflow.create_job('letter', queue => 'mail');
	SELECT workflow.create_job('long', 'SELECT 1', mode => 'tracked');
	SELECT workflow.create_job('short', 'SELECT 1');
	SELECT workflow.create_job('ticks', 'SELECT 1');
	SELECT workflow.define('{"id": "order", "initial": "new", "states": {
		"new": {"after": {"10ms": "done"}}, "done": {"type": "final"}}}')});
wait_for($node, q{SELECT state = 'alive' AND role = 'both' FROM workflow.runtimes WHERE id = 'here'}, 'the server to register itself');

sub run { my ($job, $key) = @_; return as($node, 'clerk', "SELECT workflow.run_job('$job', key => '$key')"); }
sub ended { my ($key) = @_; return "SELECT state = 'finished' FROM workflow.runs WHERE key = '$key'"; }

# How many runs of a job have ended, and wait.
sub ticks_of { return $node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE state = 'finished') FROM workflow.runs WHERE job = 'ticks'}); }
sub ticks_wait { my ($how_many) = @_; return "SELECT count(*) $how_many FROM workflow.runs WHERE job = 'ticks' AND state = 'waiting'"; }

# ---- interface

like(refusal($node, 'clerk', q{SELECT workflow.set_runtime_role('here', 'interface')}), qr/^WF018: /, 'its role is not everybody\'s to set');
$node->safe_psql('postgres', q{SELECT workflow.set_runtime_role('here', 'interface')});
is($node->safe_psql('postgres', q{SELECT role FROM workflow.runtimes WHERE id = 'here'}), 'interface', 'the server has a role');
run('long', 'long 1');
as($node, 'clerk', q{SELECT workflow.create_schedule('each second', 'ticks', every => '1 second', overlap => 'allow')});
wait_for($node, ticks_wait('>= 2'), 'its schedules to make runs');

# What comes later is done, so that what came before was left.
as($node, 'clerk', q{SELECT workflow.start('order', key => 'a')});
wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes WHERE key = 'a'}, 'a timer');
run('short', 'short 1');
wait_for($node, ended('short 1'), 'a run that somebody has asked for');
is($node->safe_psql('postgres', q{SELECT state FROM workflow.runs WHERE key = 'long 1'}), 'waiting', 'tracked runs wait');
is(ticks_of(), 0, 'and those that schedules have made');

# It does not look for them again and again.
my $looks = q{SELECT COALESCE(sum(looks), 0) FROM workflow.activity WHERE kind = 'executor'};
as($node, 'clerk', q{SELECT workflow.drop_schedule('each second')});
run('short', 'short 2');
wait_for($node, ended('short 2'), 'another run');
stands_still($node, $looks, 3, 'what is kept is not looked for');

# Others do what they have claimed.
run('letter', 'mail 1');
is(as($node, 'clerk', q{SELECT count(*) FROM workflow.claim('mail', 'somebody')}), 1, 'outside workers claim');

# ---- over a restart

$node->stop('immediate');
$node->start;
run('short', 'short 3');
wait_for($node, ended('short 3'), 'a run after a restart');
is($node->safe_psql('postgres', q{SELECT role FROM workflow.runtimes WHERE id = 'here'}), 'interface', 'the role is the same after a restart');
is($node->safe_psql('postgres', q{SELECT state FROM workflow.runs WHERE key = 'long 1'}), 'waiting', 'from the beginning on');

# A rollback changes nothing.
$node->safe_psql('postgres', q{BEGIN; SELECT workflow.set_runtime_role('here', 'both'); ROLLBACK});
run('short', 'short 4');
wait_for($node, ended('short 4'), 'a run after a rollback');
is($node->safe_psql('postgres', q{SELECT state FROM workflow.runs WHERE key = 'long 1'}), 'waiting', 'a role that was rolled back');

# ---- both

$node->safe_psql('postgres', q{SELECT workflow.set_runtime_role('here', 'both')});
wait_for($node, ended('long 1'), 'a tracked run that has waited');
wait_for($node, ticks_wait('= 0'), 'those that a schedule has made');
cmp_ok(ticks_of(), '>=', 2, 'all that waited is done at once');

# ---- alone

as($node, 'clerk', q{SELECT workflow.register_runtime('app')});
like(refusal($node, 'postgres', q{SELECT workflow.set_setting('single_server', 'on')}), qr/^WF017: runtime "app" lives/, 'not beside others');
as($node, 'clerk', q{SELECT workflow.shutdown_runtime('app', (SELECT epoch FROM workflow.runtimes WHERE id = 'app'))});
like(refusal($node, 'clerk', q{SELECT workflow.set_setting('single_server', 'on')}), qr/^42501: /, 'not by everybody');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('single_server', 'on')});
is($node->safe_psql('postgres', q{SELECT state, role FROM workflow.runtimes WHERE id = 'here'}), 'single|both', 'the server works alone');
like(refusal($node, 'clerk', q{SELECT workflow.register_runtime('app')}), qr/^WF018: .*single server/, 'others are refused');
like(refusal($node, 'clerk', q{SELECT workflow.register_runtime('another')}), qr/^WF018: .*single server/, 'all of them');
run('long', 'long 2');
wait_for($node, ended('long 2'), 'a run of a single server');
$node->stop('immediate');
$node->start;
wait_for($node, q{SELECT state = 'single' AND last_heartbeat IS NOT NULL FROM workflow.runtimes WHERE id = 'here'}, 'it to work alone after a restart');
run('long', 'long 3');
wait_for($node, ended('long 3'), 'a run after that');
$node->safe_psql('postgres', q{SELECT workflow.set_setting('single_server', NULL)});
is($node->safe_psql('postgres', q{SELECT state FROM workflow.runtimes WHERE id = 'here'}), 'alive', 'it works with others');
is(as($node, 'clerk', q{SELECT state FROM workflow.register_runtime('app')}), 'alive', 'who may register');

$node->stop;
done_testing();
