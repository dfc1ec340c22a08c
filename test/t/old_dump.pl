# Dumps of earlier versions, made by pg_dump there, come back into the newest
# one: test/data/dump-VERSION.sql.gz, and how all of it ended there, in
# test/data/dump-VERSION.end. A column that was added since has a default.
#
# With WORKFLOW_MAKE_DUMP=DIRECTORY the two files of this version are written
# there. Those of a version that was released are never made anew.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;
use World;

my $data = "$FindBin::Bin/../data";
my $node = world_node('main');

if (my $directory = $ENV{WORKFLOW_MAKE_DUMP})
{
	my $version = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'workflow'});

	build_world($node, 'shop');
	# pg_dump of newer minor versions brackets the script for newer psql.
	$node->command_ok([ 'sh', '-c', "pg_dump shop | grep -v '^.\\(un\\)\\?restrict ' | gzip -9n >'$directory/dump-$version.sql.gz'" ], 'pg_dump');
	adopt($node, 'shop');
	append_to_file("$directory/dump-$version.end", bring_to_end($node, 'shop') . "\n");
	done_testing();
	exit;
}

set_clock($node, $THEN);
my @dumps = sort glob "$data/dump-*.sql.gz";
cmp_ok(@dumps, '>', 0, 'there are old dumps');
foreach my $dump (@dumps)
{
	my ($version) = $dump =~ /dump-(.*)\.sql\.gz$/;

	$node->safe_psql('postgres', 'CREATE DATABASE old');
	$node->command_ok([ 'sh', '-c', "gzip -dc '$dump' | psql -Xq -v ON_ERROR_STOP=1 -d old >'" . $node->basedir . "/restore.log'" ],
		"a dump of $version into the newest version");
	is($node->safe_psql('old', q{SELECT extversion = default_version FROM pg_extension JOIN pg_available_extensions ON name = extname
			WHERE extname = 'workflow'}), 't', 'the extension is the newest');
	is(problems($node, 'old'), '', "of $version: in order");
	stays_quiet($node, 'old', rows_of($node, 'old'), "of $version");
	is(adopt($node, 'old'), 2, "of $version: adopted");
	is(bring_to_end($node, 'old') . "\n", slurp_file("$data/dump-$version.end"), "of $version: ends as it did there");
	is(problems($node, 'old'), '', "of $version: in order at the end");
	$node->safe_psql('postgres', 'DROP DATABASE old');
}

$node->stop;
done_testing();
