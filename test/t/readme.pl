# Every SQL example of the README runs as it stands there.
#
# The blocks are run in their order, in one session, by a superuser in a
# database without the extension.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $top = "$FindBin::Bin/../..";
my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\n");
$node->start;

my @blocks = blocks_of("$top/README.md", 'sql');
ok(@blocks > 0, 'the README has examples');
$node->safe_psql('postgres', 'CREATE DATABASE readme');

# One script, a mark before each block, so that an error names its line.
my $script = join '', map { "\\echo ==== line $_->[0]\n$_->[1]" } @blocks;
my ($status, $out, $err) = $node->psql('readme', $script,
	extra_params => ['--no-psqlrc'], on_error_stop => 1);
is($status, 0, 'the examples of the README run') or diag("$out\n$err");
like($out, qr/^finalized\|\{over\}$/m, 'the first process waits for a command and ends by timer');

my ($first) = map { $_->[1] } grep { $_->[1] =~ /workflow\.define/ } @blocks;
cmp_ok(($first =~ tr/\n//), '<=', 10, 'in ten lines of SQL');

done_testing();
