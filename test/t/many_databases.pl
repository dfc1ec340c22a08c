# Twenty databases with endless work on a server with room for eight workers,
# the launchers of PostgreSQL and ours among them: all of them get on, again
# and again.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $databases = 20;

my $node = PostgreSQL::Test::Cluster->new('many_databases');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'workflow'
max_worker_processes = 8
workflow.max_executors = 8
workflow.enabled = off
});
$node->start;

# Copies of one, adopted, which is faster than as many of their own; all in
# one session.
my $script = q{
CREATE ROLE clerk LOGIN;
CREATE DATABASE shop1;
\c shop1 postgres
CREATE EXTENSION workflow;
GRANT workflow_user TO clerk;
\c shop1 clerk
SELECT workflow.define('{"id": "clock", "initial": "tick",
	"states": {"tick": {"after": {"20": {"target": "tick", "reenter": true}}}}}');
SELECT count(*) FROM workflow.start_many('clock', array_fill('{}'::jsonb, ARRAY[5]));
\c postgres postgres
};
$script .= "CREATE DATABASE shop$_ TEMPLATE shop1;\n\\c shop$_ postgres\nSELECT workflow.adopt();\n\\c postgres postgres\n"
  foreach 2 .. $databases;
$node->safe_psql('postgres', $script);

# From a cold start: all of them are to be probed, too.
$node->append_conf('postgresql.conf', 'workflow.enabled = on');
$node->restart;

# What the clocks of all databases have come to.
sub reached
{
	my ($aggregate) = @_;
	my $look = join '', map { "\\c shop$_\nSELECT $aggregate(step) FROM workflow.process;\n" } 1 .. $databases;

	return split /\n/, $node->safe_psql('postgres', $look);
}

foreach my $round (1 .. 2)
{
	my @reached = reached('max');

	foreach my $i (1 .. $databases)
	{
		wait_for_in($node, "shop$i", "SELECT min(step) > $reached[$i - 1] + 3 FROM workflow.process", "shop$i, round $round");
	}
	note("round $round: " . join(' ', reached('min')));
	ok(1, "all databases get on, round $round");
}
# Where room is made in time nobody complains; shortage.pl waits for that.
cmp_ok(scalar(() = log_since($node) =~ /out of background worker slots/g), '<=', 1, 'the log says what is short once at most');
unlike(log_since($node), qr/TRAP|PANIC|ERROR/, 'and nothing went wrong');
$node->stop;
done_testing();
