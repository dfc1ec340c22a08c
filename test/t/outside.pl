# The workers of doc/outside.md, as they stand there, do the work that a chart
# leaves in a table: both at once, and one that is killed on the way costs nothing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Examples;
use WorkflowTest;

plan skip_all => 'needs WORKFLOW_NODE, see test/setup' unless defined $ENV{WORKFLOW_NODE};
my $page = "$FindBin::Bin/../../doc/outside.md";
my $node = workflow_node('outside', 'workflow.max_executors = 2');
# The page makes the extension itself.
$node->safe_psql('postgres', 'DROP EXTENSION workflow');
$node->safe_psql('postgres', (examples_of($page))[0]->{sql});

# The code of a block with this info string.
sub code_of
{
	my ($info) = @_;
	my $text = slurp_file($page);

	$text =~ /^```\Q$info\E\n(.*?)^```$/ms or die "no block of $info";
	return $1;
}

# The file with a worker in it.
sub write_worker
{
	my ($info, $suffix) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir . "/worker$suffix";

	PostgreSQL::Test::Utils::append_to_file($file, code_of($info));
	return $file;
}

my %command = (
	python => [ '/usr/bin/python3', write_worker('python', '.py'), $node->connstr('postgres') . ' user=postgres' ],
	js => [ 'node', write_worker('js', '.cjs'),
		sprintf('socket:%s?db=postgres&user=postgres', $node->host) ]);
$ENV{NODE_PATH} = "$ENV{WORKFLOW_NODE}/node_modules";
$ENV{PGPORT} = $node->port;

my %log;
sub worker { my ($kind) = @_; return IPC::Run::start($command{$kind}, '<', \undef, '>', \$log{$kind}, '2>&1'); }

my $paid = q{SELECT format('%s %s %s', count(*) FILTER (WHERE states = '{paid}'), count(*) FILTER (WHERE states = '{refused}'), count(*)) = };
foreach my $kinds ([ 'python' ], [ 'js' ], [ 'python', 'js', 'python' ])
{
	my $name = join(' and ', @$kinds);
	my @workers = map { worker($_) } @$kinds;

	$node->safe_psql('postgres', qq{SET ROLE shop; SET search_path TO shop;
		SELECT count(workflow.start('payment', jsonb_build_object('amount', CASE n % 4 WHEN 0 THEN 2000 ELSE n END), key => '$name ' || n))
		FROM generate_series(1, 40) n});
	$workers[-1]->kill_kill if @workers > 2;
	wait_for($node, $paid . qq{'30 10 40' FROM workflow.processes WHERE key LIKE '$name %'}, "answers of $name")
		or diag(map { $log{$_} // '' } @$kinds);
	is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.outbox}), 0, "$name: nothing is left to do");
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM workflow.process_history WHERE key LIKE '$name %' AND event LIKE 'charge.%'}),
		40, "$name: each was answered once");
	$_->kill_kill foreach @workers;
}

done_testing();
