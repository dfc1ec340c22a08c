# shellcheck shell=bash
# chroot.sh: other releases of Debian, each in a directory. Sourced, after
# lib.sh, by matrix and pg_upgrade. All of it takes root or sudo.
#
# From the environment: MATRIX_ROOTS, a directory to keep the chroots in, 1 GB
# each (otherwise they are removed at the end); MATRIX_MIRROR, of Debian's
# packages, and MATRIX_SECURITY, of its security updates (otherwise those that
# apt uses here).

suite_of() { # VERSION of PostgreSQL
    case $1 in
    13) echo bullseye ;;
    15) echo bookworm ;;
    17) echo trixie ;;
    18) echo forky ;;
    *) die "no suite of Debian has PostgreSQL $1: set PG_CONFIG_$1" ;;
    esac
}

# The mirror of the system itself, not of its updates or of somebody's packages.
mirror() {
    local found
    found=$(apt_target '$2 !~ /-/')
    printf '%s\n' "${MATRIX_MIRROR:-${found:-http://deb.debian.org/debian}}"
}

security_mirror() {
    local found
    found=$(apt_target '$2 ~ /-security$/')
    printf '%s\n' "${MATRIX_SECURITY:-${found:-http://deb.debian.org/debian-security}}"
}

apt_target() { # CONDITION of awk, on origin, codename, component, address
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -F'|' '$1 == "Debian" && '"$1"' && $3 == "main" { print $4; exit }'
}

# Have what makes chroots. False: it is not to be had, or nobody may use it here.
can_make_chroots() {
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || return 1
    if ! command -v mmdebstrap >/dev/null; then
        command -v apt-get >/dev/null || return 1
        as_root apt-get -qq update || true
        as_root apt-get -qq install -y --no-install-recommends mmdebstrap || return 1
    fi
    as_root unshare --mount --pid --fork true
}

# With exactly these packages: nothing is fetched from inside. One that is there
# is taken if it was made with the same arguments.
make_chroot() { # ROOT SUITE PACKAGE,PACKAGE... [mmdebstrap's arguments: options, then sources]
    local root=$1 suite=$2 packages=$3
    local options=() sources=()
    local made="$*"
    shift 3
    while [ "$#" -gt 0 ]; do
        case $1 in --*) options+=("$1") ;; *) sources+=("$1") ;; esac
        shift
    done
    [ "${#sources[@]}" -gt 0 ] || sources=("$(mirror)")
    made=${made#"$root "}
    [ "$(cat "$root.packages" 2>/dev/null)" != "$made" ] || return 0
    as_root rm -rf --one-file-system "$root" "$root.packages"
    # How apt gets at packages is the machine's business, proxies and all. A
    # mirror may stand still: what it has is signed, if no longer fresh.
    apt-config dump --format '%F "%v";%n' Acquire >"$root.apt"
    echo 'Acquire::Check-Valid-Until "false";' >>"$root.apt"
    as_root mmdebstrap --variant=minbase --aptopt="$root.apt" --aptopt='APT::Install-Recommends "false"' \
        --include="$packages" ${options[0]+"${options[@]}"} "$suite" "$root" "${sources[@]}" </dev/null || return 1
    printf '%s\n' "$made" >"$root.packages"
}

# Mounts are private, and processes too: whatever happens, nothing is left.
in_chroot() { # ROOT [DIRECTORY=WHERE]... -- [NAME=VALUE]... COMMAND...
    as_root unshare --mount --pid --fork --kill-child -- bash -euc '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
        while [ "$1" != -- ]; do
            mkdir -p "$root${1#*=}"
            mount --bind "${1%%=*}" "$root${1#*=}"
            shift
        done
        shift
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"' - "$@"
}
