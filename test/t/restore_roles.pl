# Restores by whom, and for whom: roles that are missing at first, roles whose
# OIDs are others', a restore by the owner of the database who is no superuser,
# the names that a dump carries.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;
use World;

my $origin = world_node('origin');
my $files = $origin->basedir;

build_world($origin, 'shop');
my $rows = rows_of($origin, 'shop');
$origin->command_ok([ 'pg_dump', '-Fc', '-f', "$files/shop.dump", 'shop' ], 'pg_dump');

#
# Who may dump
#
$origin->safe_psql('postgres', 'CREATE ROLE reader LOGIN');
$origin->command_fails_like([ 'pg_dump', '-U', 'reader', '-f', "$files/reader.sql", 'shop' ],
	qr/permission denied/, 'nobody dumps who may not read');
$origin->safe_psql('postgres', 'GRANT pg_read_all_data TO reader');
$origin->command_ok([ 'pg_dump', '-U', 'reader', '-Fc', '-f', "$files/reader.dump", 'shop' ], 'a member of pg_read_all_data dumps');

#
# A server where nobody is known yet, but who happens to have the OIDs of others
#
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
workflow.sweep_interval = 1s
workflow.test_clock = '$THEN'
});
$other->start;
# The extension makes three roles of its own, here as there.
$other->safe_psql('postgres', 'CREATE EXTENSION workflow; CREATE ROLE stranger LOGIN; CREATE ROLE clerk LOGIN; GRANT workflow_user TO stranger, clerk');
my $clerk = $origin->safe_psql('shop', q{SELECT role FROM workflow.owner WHERE name = 'clerk'});
isnt($other->safe_psql('postgres', q{SELECT 'clerk'::regrole::oid}), $clerk, 'the clerk has another OID there');
is($other->safe_psql('postgres', q{SELECT 'stranger'::regrole::oid}), $clerk, 'a stranger has that of the clerk');

$other->safe_psql('postgres', 'CREATE DATABASE shop');
my ($stdout, $stderr) = run_command([ 'pg_restore', '-d', $other->connstr('shop'), "$files/shop.dump" ]);
my @errors = grep { /error: could not execute/ } split /\n/, $stderr;
is(scalar @errors, scalar(grep { /role "courier" does not exist/ } @errors), 'pg_restore: nothing fails but a GRANT to a role that is missing')
  or diag($stderr);
is(rows_of($other, 'shop'), $rows, 'every row is there');
$other->safe_psql('shop', 'DELETE FROM office.broken');

my ($status, $out, $err) = $other->psql('shop', 'SELECT workflow.adopt()');
is($out, 2, 'adopt() goes on with roles missing');
like($err, qr/WARNING:  role "courier" does not exist: what it owns waits/, 'and says which owner is missing');
unlike($err, qr/role "clerk"/, 'not one who is there');
is($other->safe_psql('shop', q{SELECT string_agg(format('%s %s', name, role::regrole), ', ' ORDER BY id) FROM workflow.owner}),
	'clerk clerk, courier -', 'owners are those of their names');
wait_in($other, 'shop', qq{
	SELECT count(*) = 0 FROM workflow.timer t JOIN workflow.owner o ON o.id = t.owner
	WHERE o.name = 'clerk' AND t.due <= '$THEN' AND NOT t.parked}, 'the work of the clerk');
ok(1, 'the work of the owner who is there is done');
is($other->safe_psql('shop', q{
		SELECT min(p.step), max(p.step) FROM workflow.process p JOIN workflow.definition d ON d.id = p.definition WHERE d.name = 'parcel'}),
	'1|1', 'that of the other one waits');
wait_in($other, 'shop', q{
	SELECT wait_reason = 'the owner''s role does not exist' FROM workflow.activity WHERE kind = 'owner' AND owner = 'courier'}, 'the reason');
ok(1, 'and the view activity says why');
is($other->safe_psql('shop', q{
		SELECT count(*), count(DISTINCT name), max(role) FROM workflow.permission WHERE name IN ('guest', 'visitor')}),
	'7|2|0', 'grants to missing roles wait, too');
($status, $out, $err) = $other->psql('shop', q{SELECT workflow.start('parcel')});
like($err, qr/the role that owns definition "parcel" does not exist/, 'commands to a definition without owner are refused');
like(problems($other, 'shop'), qr/^owner without role\|\|courier$/m, 'check() knows who is missing');

is($other->safe_psql('shop', q{SELECT count(*) FROM workflow.processes WHERE definition = 'parcel'}), 3, 'an administrator sees what has no owner');
is(as($other, 'clerk', q{SELECT count(*) FILTER (WHERE definition = 'parcel'), count(*) > 10 FROM workflow.processes}, 'shop'), '0|t',
	'others see what is theirs');

# They come one after the other.
world_roles($other, 'guest', 'courier');
is($other->safe_psql('shop', 'SELECT workflow.adopt()'), 2, 'adopt() again');
wait_in($other, 'shop', q{
	SELECT bool_and(status = 'finalized') FROM workflow.processes WHERE definition = 'parcel'}, 'the parcels');
ok(1, 'then that goes on as well');
is(as($other, 'guest', q{SELECT context->>'who' FROM workflow.get((SELECT id FROM workflow.processes WHERE key = 'of guest'))}, 'shop'),
	'of guest', 'who started a process sees it, though not there at first');
is(as($other, 'guest', q{SELECT workflow.start('order', key => 'by guest') IS NOT NULL}, 'shop'), 't', 'a grant counts again');
($status, $out, $err) = $other->psql('shop', q{SELECT workflow.start('order')}, extra_params => [ '-U', 'stranger' ]);
like($err, qr/permission denied to start/, 'a role that has the OID of another elsewhere has no grant of theirs');
world_roles($other, 'visitor');
$other->safe_psql('shop', 'SELECT workflow.adopt()');
is(as($other, 'visitor', q{SELECT count(*) > 5 FROM workflow.processes WHERE definition = 'order'}, 'shop'), 't', 'nor is the last one forgotten');
is(problems($other, 'shop'), '', 'all are there');
foreach my $owner (qw(clerk courier))
{
	($status, $out, $err) = $other->psql('postgres', "DROP OWNED BY $owner; DROP ROLE $owner");
	like($err, qr/cannot be dropped because some objects depend on it/, "$owner cannot be dropped now");
}
is(bring_to_end($other, 'shop') =~ /^process \| family family \| 1 \| finalized/m, 1, 'all comes to its end');

#
# Owners of one thing each, that is no definition
#
my %owned = (
	jobber => q{workflow.create_job('a', 'SELECT 1')}, queuer => q{workflow.create_queue('b')},
	alerter => q{workflow.create_alert('d', 'lag')},
	filer => q{workflow.put_file('e', 'f')}, planner => q{workflow.define_calendar('g', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}')});
$origin->safe_psql('postgres', 'CREATE DATABASE things');
$origin->safe_psql('things', 'CREATE EXTENSION workflow');
foreach my $owner (sort keys %owned)
{
	$_->safe_psql('postgres', "CREATE ROLE $owner LOGIN IN ROLE workflow_user") foreach $origin, $other;
	as($origin, $owner, "SELECT $owned{$owner}", 'things');
}
$origin->command_ok([ 'pg_dump', '-Fc', '-f', "$files/things.dump", 'things' ], 'pg_dump');
$other->safe_psql('postgres', 'CREATE DATABASE things');
$other->command_ok([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('things'), "$files/things.dump" ], 'pg_restore');
is($other->safe_psql('things', 'SELECT workflow.adopt()'), scalar(keys %owned), 'adopt() finds who owns anything');
foreach my $owner (sort keys %owned)
{
	($status, $out, $err) = $other->psql('postgres', "DROP OWNED BY $owner; DROP ROLE $owner");
	like($err, qr/role "$owner" cannot be dropped because some objects depend on it/, "$owner cannot be dropped now");
}
is($other->safe_psql('things', q{SELECT string_agg(name, ' ' ORDER BY name) FROM workflow.owner WHERE role = name::regrole}),
	join(' ', sort keys %owned), 'all are owners as before');

#
# By the owner of the database, who is no superuser
#
$other->safe_psql('postgres', 'CREATE ROLE tenant LOGIN; CREATE DATABASE rented OWNER tenant');
$other->command_fails([ 'pg_restore', '--exit-on-error', '-U', 'tenant', '-d', 'rented', "$files/shop.dump" ],
	'who is no superuser cannot create the extension');
$other->safe_psql('postgres', 'DROP DATABASE rented');
$other->safe_psql('postgres', 'CREATE DATABASE rented OWNER tenant');
$other->safe_psql('rented', 'CREATE EXTENSION workflow; GRANT pg_write_all_data, clerk, courier, guest, visitor TO tenant');
$other->command_ok([ 'pg_restore', '--exit-on-error', '--no-comments', '--no-acl', '-U', 'tenant', '-d', 'rented', "$files/shop.dump" ],
	'where a superuser has created it, a member of pg_write_all_data restores the rest');
$other->safe_psql('rented', 'REVOKE pg_write_all_data FROM tenant; DELETE FROM office.broken');
is(rows_of($other, 'rented'), $rows, 'every row is there');
($status, $out, $err) = $other->psql('rented', 'SELECT workflow.adopt()', extra_params => [ '-U', 'tenant' ]);
like($err, qr/must be superuser or member of workflow_admin to call workflow.adopt/, 'to adopt it is not for them');
$other->safe_psql('rented', 'GRANT workflow_admin TO tenant');
is(as($other, 'tenant', 'SELECT workflow.adopt()', 'rented'), 2, 'but for a member of workflow_admin');
like(bring_to_end($other, 'rented'), qr/^process \| family family \| 1 \| finalized/m, 'and all comes to its end');

#
# Names: a role that is renamed is the same here, and its new name is what a
# dump must carry.
#
$origin->safe_psql('postgres', q{
	ALTER ROLE clerk RENAME TO tmp; ALTER ROLE courier RENAME TO clerk; ALTER ROLE tmp RENAME TO courier;
	ALTER ROLE visitor RENAME TO tourist});
my $parcels = q{SELECT string_agg(format('%s %s', name, role::regrole), ', ' ORDER BY id) FROM workflow.owner};
is($origin->safe_psql('shop', 'SELECT workflow.adopt()'), 2, 'adopt() at home');
is($origin->safe_psql('shop', $parcels), 'courier courier, clerk clerk', 'takes note of the names that owners have now, exchanged ones, too');
is($origin->safe_psql('shop', q{SELECT string_agg(DISTINCT name, ' ') FROM workflow.permission WHERE name <> 'guest'}), 'tourist', 'and of those of grants');
is(problems($origin, 'shop'), '', 'all in order');

$origin->stop;
$other->stop;
done_testing();
