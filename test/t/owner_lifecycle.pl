# Owners whose role may not log in, may not connect, is a superuser or is gone:
# their work waits and says why, that of others goes on, and once the cause is
# gone theirs does, too. A role that owns work cannot be dropped.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('owner', 'workflow.max_executors = 2', 'workflow.sweep_interval = 1h');
workflow_role($node, 'other');
start_clocks($node, 'postgres', 'clerk', 2);
start_clocks($node, 'postgres', 'other', 2);
my $step = q{(SELECT max(step) FROM workflow.processes WHERE definition = 'clock of %s')};

# Have another executor started for clerk, and wait until there is none for
# this reason; others go on; then undo the cause.
sub waits_and_returns
{
	my ($cause, $reason, $message, $undo) = @_;
	my $log = -s $node->logfile;

	$node->safe_psql('postgres', $cause);
	$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor' AND owner = 'clerk'});
	wait_for($node, qq{SELECT wait_reason = \$\$$reason\$\$ FROM workflow.activity WHERE kind = 'owner' AND owner = 'clerk'}, $reason);
	ok(1, "$cause: its work waits, and activity says why");

	my $reached = $node->safe_psql('postgres', 'SELECT ' . sprintf($step, 'other'));
	wait_for($node, sprintf("SELECT $step > %d", 'other', $reached + 10), 'the clocks of the other owner');
	wait_until(sub { log_since($node, $log) =~ /has to wait: $message/ }, 'a line of it');
	is(scalar(() = log_since($node, $log) =~ /WARNING:  work of owner \d+ \("[^"]*"\) has to wait: $message/g), 1,
		'others go on; the log has it once');

	$reached = $node->safe_psql('postgres', 'SELECT ' . sprintf($step, 'clerk'));
	$node->safe_psql('postgres', $undo);
	wait_for($node, sprintf("SELECT $step > %d", 'clerk', $reached), 'the clocks of clerk');
	ok(1, "$undo: its work goes on");
	return;
}

# A running executor takes no new work; nobody has to end it. A later LOGIN is
# heard of, also where it comes by way of a group.
sub stops_and_goes
{
	my ($cause, $reason, $undo) = @_;

	$node->safe_psql('postgres', $cause);
	wait_for($node, qq{SELECT wait_reason = \$\$$reason\$\$ FROM workflow.activity WHERE kind = 'owner' AND owner = 'clerk'}, $reason);
	# also one that was late, and for which another one was to be started
	wait_for_count($node, 0, q{pg_stat_activity WHERE usename = 'clerk'});
	my $reached = $node->safe_psql('postgres', 'SELECT ' . sprintf($step, 'clerk'));
	is($node->safe_psql('postgres', q{SELECT count(*) FROM workflow.activity WHERE kind = 'executor' AND owner = 'clerk'}), 0, "$cause: its executors leave");
	my $other = $node->safe_psql('postgres', 'SELECT ' . sprintf($step, 'other'));
	wait_for($node, sprintf("SELECT $step > %d", 'other', $other + 10), 'the clocks of the other owner');
	is($node->safe_psql('postgres', 'SELECT ' . sprintf($step, 'clerk')), $reached, 'nothing of it is done');
	$node->safe_psql('postgres', $undo);
	wait_for($node, sprintf("SELECT $step > %d", 'clerk', $reached), 'the clocks of clerk');
	ok(1, "$undo: its work goes on");
	return;
}

stops_and_goes('ALTER ROLE clerk NOLOGIN', q{the owner's role is not permitted to log in}, 'ALTER ROLE clerk LOGIN');
stops_and_goes('ALTER ROLE clerk SUPERUSER', q{the owner's role is a superuser and workflow.allow_superuser is off}, 'ALTER ROLE clerk NOSUPERUSER');
$node->safe_psql('postgres', 'CREATE ROLE staff; GRANT CONNECT ON DATABASE postgres TO other');
stops_and_goes('REVOKE CONNECT ON DATABASE postgres FROM PUBLIC', q{the owner's role lacks CONNECT privilege on the database},
	'GRANT CONNECT ON DATABASE postgres TO staff; GRANT staff TO clerk');
stops_and_goes('REVOKE staff FROM clerk', q{the owner's role lacks CONNECT privilege on the database},
	q{BEGIN; GRANT staff TO clerk; PREPARE TRANSACTION 'staff'; COMMIT PREPARED 'staff'});
$node->safe_psql('postgres', 'REVOKE staff FROM clerk; GRANT CONNECT ON DATABASE postgres TO PUBLIC; DROP OWNED BY staff; DROP ROLE staff; REVOKE CONNECT ON DATABASE postgres FROM other');

waits_and_returns('ALTER ROLE clerk NOLOGIN', q{the owner's role is not permitted to log in},
	'the role is not permitted to log in', 'ALTER ROLE clerk LOGIN');
waits_and_returns('GRANT CONNECT ON DATABASE postgres TO other; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC',
	q{the owner's role lacks CONNECT privilege on the database},
	'the role lacks CONNECT privilege on the database', 'GRANT CONNECT ON DATABASE postgres TO clerk');
waits_and_returns('ALTER ROLE clerk SUPERUSER', q{the owner's role is a superuser and workflow.allow_superuser is off},
	'the role is a superuser and workflow.allow_superuser is off', 'ALTER ROLE clerk NOSUPERUSER');

# A limit of connections is one of clients.
$node->safe_psql('postgres', 'ALTER ROLE clerk CONNECTION LIMIT 0; ALTER DATABASE postgres CONNECTION LIMIT 0');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'});
wait_for_ticks($node, 'postgres');
ok(1, 'limits of connections do not keep executors out');
$node->safe_psql('postgres', 'ALTER ROLE clerk CONNECTION LIMIT -1; ALTER DATABASE postgres CONNECTION LIMIT -1');

#
# DROP ROLE
#
$node->safe_psql('postgres', 'REVOKE ALL ON DATABASE postgres FROM clerk');
like(refusal($node, 'postgres', 'DROP ROLE clerk'),
	qr/^2BP01: role "clerk" cannot be dropped because some objects depend on it\nDETAIL:  owner of definition "clock of clerk" in workflow/,
	'DROP ROLE of an owner is refused, and says for what');

like(refusal($node, 'postgres', 'DROP ROLE clerk', 'template1'), qr/^2BP01: .*\nDETAIL:  1 object in database postgres/, 'in another database, too');
like(refusal($node, 'postgres', 'DROP OWNED BY clerk'), qr/^2BP01: what role "clerk" owns cannot be dropped/, 'so is DROP OWNED');

# As after a restore where the role is not.
my $waiting = q{SELECT wait_reason = $$the owner's role does not exist$$ FROM workflow.activity WHERE kind = 'owner'};
$node->safe_psql('postgres', q{
	GRANT CONNECT ON DATABASE postgres TO PUBLIC});
lose_role($node, 'clerk');
$node->safe_psql('postgres', q{
	SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor' AND owner = 'clerk'});
wait_for($node, $waiting, 'work without a role');
ok(1, 'the role is gone: its work waits, and activity says why');
my $reached = $node->safe_psql('postgres', 'SELECT ' . sprintf($step, 'other'));
wait_for($node, sprintf("SELECT $step > %d", 'other', $reached + 10), 'the clocks of the other owner');
log_says($node, 0, qr/WARNING:  work of owner \d+ \("\?"\) has to wait: the role does not exist/, 'the log has a warning');
unlike(log_since($node), qr/role with OID \d+ does not exist|role "clerk" does not exist/, 'and no worker fails because of it');

# A new role of the same name is not it, until an administrator says so.
workflow_role($node, 'clerk');
$reached = $node->safe_psql('postgres', 'SELECT ' . sprintf($step, 'clerk'));
wait_for($node, $waiting, 'work without a role');
is(as($node, 'clerk', 'SELECT count(*) FROM workflow.processes'), 0, 'another role of that name gets nothing of it');
$node->safe_psql('postgres', 'SELECT workflow.adopt()');
wait_for($node, sprintf("SELECT $step > %d", 'clerk', $reached), 'the clocks of clerk');
ok(1, 'until adopt() says that it is');

$node->stop;
done_testing();
