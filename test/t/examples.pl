# Every example of the README and of the manual runs as it stands there.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Examples;

chdir("$FindBin::Bin/../..") or die "cannot chdir: $!";
my $node = PostgreSQL::Test::Cluster->new('examples');
$node->init;
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'workflow'\nworkflow.max_executors = 2\n");
$node->start;

foreach my $path ('README.md', sort glob('doc/*.md'))
{
	my ($name) = $path =~ m{([^/]+)\.md$};

	run_examples($node, $path, lc "examples_$name" =~ tr/-/_/r);
}

# A newcomer gets to a process that waits, is commanded and ends by timer.
my ($first) = map { $_->{sql} } grep { ($_->{sql} // '') =~ /workflow\.define/ } examples_of('README.md');
cmp_ok(($first =~ tr/\n//), '<=', 10, 'a first process in ten lines of SQL');

done_testing();
