#!/usr/bin/perl
# meta.pl DIR: is DIR/META.json valid for PGXN (Meta Spec 1.0.0), and does it
# say of this tree what is so?
use strict;
use warnings;
use JSON::PP;

my $dir = shift // '.';
my @faults;

sub fault { push @faults, sprintf(shift, @_); return; }

sub slurp
{
	my ($path) = @_;
	open(my $file, '<:raw', $path) or return;
	local $/;
	return scalar <$file>;
}

my $text = slurp("$dir/META.json") // die "no $dir/META.json\n";
my $meta = JSON::PP->new->utf8->decode($text);
my $version = qr/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[a-zA-Z][-0-9A-Za-z]*)?$/;
my $range = qr/^(?:(?:>=|<=|==|!=|>|<)?\s*(?:0|\d+\.\d+\.\d+\S*)\s*,?\s*)+$/;
my $term = qr/^[^\s\/\\\x00-\x1f]{2,}$/;
my %known = map { $_ => 1 } qw(name version abstract description maintainer license provides
	meta-spec prereqs generated_by tags resources no_index release_status);
my %license = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd
	gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl
	perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown);

$known{$_} or /^x_/i or fault('unknown key: %s', $_) foreach keys %$meta;
defined $meta->{$_} or fault('missing: %s', $_)
  foreach qw(name version abstract maintainer license provides meta-spec);
die map { "$_\n" } @faults if @faults;

$meta->{name} =~ $term or fault('name is no term');
$meta->{version} =~ $version or fault('version is no semantic version');
($meta->{'meta-spec'}{version} // '') eq '1.0.0' or fault('meta-spec.version is not 1.0.0');
ref $meta->{license} or $license{ $meta->{license} } or fault('license is not one that PGXN knows');
($meta->{release_status} // 'stable') =~ /^(stable|testing|unstable)$/ or fault('release_status');
ref($meta->{tags} // []) eq 'ARRAY' or fault('tags is no list');

my ($control) = (slurp("$dir/workflow.control") // '') =~ /^default_version\s*=\s*'(.*)'/m;
$meta->{version} eq $control or fault('version is not that of workflow.control, %s', $control);

(slurp("$dir/CHANGELOG.md") // '') =~ /^## (.*)/m;
($1 // '') eq $control or fault('CHANGELOG.md does not begin with %s', $control);

# Who has an older version gets on from there, and so do their dumps.
my @scripts = map { m{workflow--(.*)\.sql$} } glob "$dir/sql/workflow--*.sql";
foreach my $old (grep { !/--/ && $_ ne $control } @scripts)
{
	grep { /^\Q$old\E--/ } @scripts or fault('no update script from %s', $old);
	-s "$dir/test/data/dump-$old.sql.gz" or fault('no dump of %s', $old);
}
foreach my $step (grep { /--/ } @scripts)
{
	my ($from, $to) = split /--/, $step;
	-s "$dir/sql/workflow--$_.sql" or fault('workflow--%s.sql: there is no %s', $step, $_) foreach $from, $to;
}

foreach my $name (sort keys %{ $meta->{provides} })
{
	my $entry = $meta->{provides}{$name};
	($entry->{version} // '') =~ $version or fault('provides.%s.version', $name);
	($entry->{version} // '') eq $control or fault('provides.%s.version is not %s', $name, $control);
	defined $entry->{file} or fault('provides.%s.file is missing', $name);
	foreach my $path (grep { defined } @$entry{qw(file docfile)})
	{
		-s "$dir/$path" or fault('provides.%s: there is no %s', $name, $path);
	}
}
foreach my $phase (sort keys %{ $meta->{prereqs} // {} })
{
	$phase =~ /^(configure|build|test|runtime|develop)$/ or $phase =~ /^x_/i or fault('prereqs.%s', $phase);
	foreach my $kind (sort keys %{ $meta->{prereqs}{$phase} })
	{
		$kind =~ /^(requires|recommends|suggests|conflicts)$/ or fault('prereqs.%s.%s', $phase, $kind);
		my $wanted = $meta->{prereqs}{$phase}{$kind};
		($wanted->{$_} // '') =~ $range or fault('prereqs.%s.%s.%s', $phase, $kind, $_) foreach sort keys %$wanted;
	}
}
die map { "$_\n" } @faults if @faults;
print "META.json: valid\n";
