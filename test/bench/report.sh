# shellcheck shell=bash
# report.sh: what was measured, and the lines that are printed. Sourced by run.
#
# A series is what one side reached in one measure, a number a turn; the file
# series.SIDE.NAME of the place. Two series are compared turn by turn: a ratio is
# made of two turns of one round, because what else the machine does changes more
# from round to round than within one.

note() { printf '%s\n' "$2" >>"$PLACE/series.$SIDE.$1"; } # NAME NUMBER: of the side whose turn it is

# Members for emit, of numbers on stdin: their median, the least and the greatest.
# No numbers, no members.
spread() { # NAME [NAME_OF_MEDIAN]
    sort -g | awk -v name="$1" -v median="${2:-$1}" '
        { v[NR] = $1 }
        END {
            if (NR == 0) exit
            printf "%s=%.10g\n", median, (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2
            printf "%s_min=%s\n%s_max=%s\n", name, v[1], name, v[NR]
        }'
}

# Members for emit, of a series of this tree; nothing if there is none.
spread_of() { # SERIES [NAME [NAME_OF_MEDIAN]]
    [ ! -s "$PLACE/series.new.$1" ] || spread "${2:-$1}" "${3:-${2:-$1}}" <"$PLACE/series.new.$1"
}

median() { # SIDE.NAME; nothing if there is no such series
    [ ! -s "$PLACE/series.$1" ] || spread it <"$PLACE/series.$1" | sed -n 's/^it=//p'
}

percentile() { # FILE PERCENT
    sort -g "$1" | awk -v p="$2" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999999); print v[i < 1 ? 1 : i] }'
}

largest() { percentile "$PLACE/series.$1" 100; } # SIDE.NAME

# A latency is negative where the action began before the client heard of its
# commit; of that no ratio is made.
ratios() { # SIDE.NAME SIDE.NAME
    paste "$PLACE/series.$1" "$PLACE/series.$2" | awk '$1 >= 0 && $2 > 0 { printf "%.3f\n", $1 / $2 }'
}

# Members for emit: what another series reached, and the ratios of one of this
# tree to it. Nothing if there is no such series.
against() { # NAME SIDE.NAME NAME_OF_VALUE NAME_OF_RATIO
    [ -s "$PLACE/series.$2" ] || return 0
    printf '%s=%s\n' "$3" "$(median "$2")"
    ratios "new.$1" "$2" | spread "$4"
}

against_base() { # NAME [PREFIX]
    ! has_base || against "$1" "base.$1" "${2:-}base" "${2:-}base_ratio"
}

# One line: the median and the spread of a series of this tree, those of its
# ratios to REFERENCE, another series (`none`: there is none), and more. MORE are
# NAME=NUMBER.
emit() { # MEASURE NAME UNIT REFERENCE MORE...
    local measure=$1 name=$2 unit=$3 reference=$4 more='' pair
    shift 4
    # shellcheck disable=SC2046 # a word each
    for pair in $(spread_of "$name" value) $(against "$name" "$reference" reference ratio) "$@" $(against_base "$name"); do
        case $pair in value=*) pair+=", \"unit\": \"$unit\"" ;; esac
        more+=$(printf ', "%s": %s' "${pair%%=*}" "${pair#*=}")
    done
    printf '{"measure": "%s"%s}\n' "$measure" "$more"
}
