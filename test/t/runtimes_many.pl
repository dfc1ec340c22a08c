# Fifty runtimes, by a clock that the test sets: somebody has a turn each second, whoever is
# missing costs one, and what they say is written nowhere.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('many', 'workflow.enabled = off', 'autovacuum = off', 'workflow.max_runtimes = 50',
	'checkpoint_timeout = 1h', 'bgwriter_lru_maxpages = 0');

$node->safe_psql('postgres', slurp_file("$FindBin::Bin/../data/turns.sql"));
$node->safe_psql('postgres', q{
	SET workflow.test_steady_clock = 1000;
	SELECT count(workflow.register_runtime('m' || n)) FROM generate_series(1, 50) n});

# Of those up to the nth; returns the bytes of WAL that it took.
sub play
{
	my ($n, $from, $to) = @_;

	return $node->safe_psql('postgres', "SELECT play(ARRAY(SELECT 'm' || n FROM generate_series(1, $n) n), $from, $to)");
}

sub value { return $node->safe_psql('postgres', "SELECT $_[0]"); }

play(50, 2000, 60000);
my ($tries, $wrote, $from) = (0, 1, 60000);
for (; $wrote ne '0' && $tries < 10; $tries++, $from += 60000)
{
	$wrote = play(50, $from, $from + 60000);
}
is($wrote, '0', 'a minute of fifty runtimes writes no WAL');
is(value("gaps('timer', 10000, 60000)"), '1000 ms: 49', 'somebody has a turn each second');
is(value("count(DISTINCT id) FROM turn WHERE kind = 'timer' AND at BETWEEN 10000 AND 65000"), 50, 'each of them');
# Where a piece begins nobody beats at the begin of a turn.
play(49, $from, $from + 60000);
is(value(qq{format('%s of %s', count(*) FILTER (WHERE gap > 1000), max(gap)) FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap
	FROM turn WHERE kind = 'timer' AND at BETWEEN $from + 3000 AND $from + 60000) g}), '1 of 2000', 'one that is silent costs one turn');

$node->stop;
done_testing();
