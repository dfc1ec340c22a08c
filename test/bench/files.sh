# shellcheck shell=bash
# files.sh: how fast another server takes files over, beside rsync of the same files. Sourced by run.
#
# The other server is a mirror: a second one of this tree, which pulls over its link. Both sync each
# file before it is in its place. A base is left out.

MIRROR=

# What is done by the mirror.
in_mirror() { # COMMAND...
    use_server "$MIRROR"
    "$@"
    use_server "$(place_of new)"
}

make_mirror() {
    MIRROR=$PLACE/mirror
    mkdir "$MIRROR"
    cp "$PLACE/pg_config" "$MIRROR"
    bench -c 'CREATE ROLE mirror LOGIN' -c 'GRANT workflow_runtime TO mirror' \
        -c "SELECT workflow.set_setting('alive_signal_interval', '100 ms')" >/dev/null
    in_mirror cluster_init <<CONF
shared_preload_libraries = 'workflow'
max_worker_processes = 20
workflow.runtime_id = 'mirror'
workflow.remote = 'host=$SOCKETS dbname=bench user=mirror'
CONF
    in_mirror cluster_start
}

# From 1 byte to 20 kB, each fiftieth of up to 1 MB.
put_files() {
    bench -U bench -c "SELECT count(f.version) FROM generate_series(1, $FILES) n,
        LATERAL workflow.put_file(format('d%s/f%s', n % 100, n), (SELECT substr(decode(repeat(md5(n::text), s / 16 + 1), 'hex'), 1, s)
            FROM (SELECT CASE WHEN n % 50 = 0 THEN 1 + n * 997 % 1000000 ELSE 1 + n * 7919 % 20000 END) s(s))) f" >/dev/null
}

files_in() { find "$1" -path "$1/.workflow" -prune -o -type f -print | wc -l; } # DIRECTORY

# The mirror has an empty disk: until it has all files.
take_files() { # DIRECTORY
    local began tries
    mkdir -m 755 "$1"
    began=$(now_us)
    in_mirror configure workflow.file_directory "'$1'"
    for ((tries = 20 * LIMIT; tries > 0; tries--)); do
        [ "$(files_in "$1")" -lt "$FILES" ] || break
        sleep 0.05
    done
    [ "$tries" -gt 0 ] || die 'the mirror does not take all files over'
    took=$(($(now_us) - began))
    in_mirror unconfigure workflow.file_directory
}

files() {
    local took
    [ "$SIDE" = new ] || return 0
    rm -rf "$PLACE/taken"
    sync
    take_files "$PLACE/taken"
    note files "$(rate "$FILES" "$took")"
    [ -z "$(diff -rq --exclude=.workflow "$PLACE/source" "$PLACE/taken")" ] || die 'the mirror has other files'
    tell "files: $(tail -n 1 "$PLACE/series.$SIDE.files") a second"
}

rsync_once() { # SERIES OPTION...
    local began series=$1
    shift
    rm -rf "$PLACE/copied"
    sync
    began=$(now_us)
    rsync -a "$@" --exclude=.workflow "$PLACE/source/" "$PLACE/copied"
    note "$series" "$(rate "$FILES" $(($(now_us) - began)))"
}

rsync_files() {
    rsync_once files --fsync
    rsync_once files_unsynced
    say "reference of files: $(tail -n 1 "$PLACE/series.$SIDE.files") a second"
}

measure_files() {
    local round took reference=rsync_files
    wanted files || return 0
    rsync --fsync --version >/dev/null 2>&1 || { reference=none; say 'no rsync that syncs: files has no reference'; }
    enter new
    make_mirror
    put_files
    take_files "$PLACE/source"
    for ((round = 0; round < RUNS; round++)); do
        take_turns "$round" "$reference" files
    done
    # shellcheck disable=SC2046 # nothing, or a word
    emit files files 'files a second' reference.files files="$FILES" bytes="$(bench -c 'SELECT sum(size) FROM workflow.files')" \
        $([ "$reference" = none ] || echo "rsync_without_fsync=$(median reference.files_unsynced)")
    in_mirror cluster_stop
    bench -U bench -c 'SELECT count(workflow.delete_file(path)) FROM workflow.files' >/dev/null
    bench -c "SELECT workflow.remove_runtime('mirror')" -c "SELECT workflow.set_setting('alive_signal_interval', NULL)" \
        -c 'DROP ROLE mirror' >/dev/null
}
