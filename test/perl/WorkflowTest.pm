
=head1 NAME

WorkflowTest - what the TAP tests have in common

=head1 SYNOPSIS

  use PostgreSQL::Test::Utils;
  use Test::More;
  use WorkflowTest;

  my $node = workflow_node('main', 'workflow.retry_delay = 100ms');
  as($node, 'clerk', q{SELECT workflow.define('...')});
  wait_for($node, q{SELECT status = 'finalized' FROM workflow.processes});

Nothing here sleeps for a fixed time: what has to happen is waited for, by
asking, at most $PostgreSQL::Test::Utils::timeout_default seconds.

=cut

package WorkflowTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use Test::More;

our @EXPORT = qw(workflow_node workflow_role as wait_for wait_for_count
  worker_pids);

=head2 workflow_node(NAME, SETTING...)

A server with the library preloaded, running, with the extension in database
postgres and a role clerk that may use it. Each setting is a line of
postgresql.conf.

=cut

sub workflow_node
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', join("\n",
		"shared_preload_libraries = 'workflow'",
		'max_worker_processes = 32',
		'max_prepared_transactions = 10', @settings, ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
	workflow_role($node, 'clerk');
	return $node;
}

=head2 workflow_role(NODE, ROLE)

Make a role that may log in and use workflow.

=cut

sub workflow_role
{
	my ($node, $role) = @_;

	$node->safe_psql('postgres', "CREATE ROLE $role LOGIN; GRANT workflow_user TO $role");
	return;
}

=head2 as(NODE, ROLE, SQL, DATABASE)

What SQL gives when this role runs it; dies when it fails.

=cut

sub as
{
	my ($node, $role, $sql, $database) = @_;

	return $node->safe_psql($database // 'postgres', $sql, extra_params => [ '-U', $role ]);
}

=head2 wait_for(NODE, QUERY, WHAT)

Wait until the query, run by the superuser, gives true. Dies after the limit,
with what was waited for.

=cut

sub wait_for
{
	my ($node, $query, $what) = @_;

	$node->poll_query_until('postgres', $query)
	  or die 'waited in vain for ' . ($what // $query);
	return;
}

=head2 wait_for_count(NODE, COUNT, FROM)

Wait until SELECT count(*) FROM ... is COUNT.

=cut

sub wait_for_count
{
	my ($node, $count, $from) = @_;

	wait_for($node, "SELECT count(*) = $count FROM $from", "$count in $from");
	return;
}

=head2 worker_pids(NODE, KIND)

Process ids of the workers of a kind: launcher, runtime or executor.

=cut

sub worker_pids
{
	my ($node, $kind) = @_;

	return split /\n/, $node->safe_psql('postgres',
		"SELECT pid FROM workflow.activity WHERE kind = '$kind' AND pid IS NOT NULL ORDER BY pid");
}

1;
