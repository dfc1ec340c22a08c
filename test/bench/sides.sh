# shellcheck shell=bash
# sides.sh: who is measured, and where. Sourced by run.

# What differs from Debian's defaults. Durable: fsync, full_page_writes and
# synchronous_commit stay on.
settings() {
    cat <<CONF
shared_preload_libraries = 'workflow'
shared_buffers = 2GB
max_wal_size = 16GB
checkpoint_timeout = 30min
max_connections = 50
workflow.max_executors = $EXECUTORS
CONF
}
