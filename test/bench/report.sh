# shellcheck shell=bash
# report.sh: what was measured, and the lines that are printed. Sourced by run.
#
# A series is what one side reached in one measure, a number a turn; the file
# series.SIDE.NAME of the place.

note() { printf '%s\n' "$2" >>"$PLACE/series.$SIDE.$1"; } # NAME NUMBER: of the side whose turn it is

median() { # SIDE NAME; nothing if there is no such series
    [ ! -s "$PLACE/series.$1.$2" ] || sort -g "$PLACE/series.$1.$2" |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

percentile() { # FILE PERCENT
    sort -g "$1" | awk -v p="$2" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999999); print v[i < 1 ? 1 : i] }'
}

largest() { percentile "$PLACE/series.$1.$2" 100; } # SIDE NAME

# Members for emit: what the base reached, and the ratios of this tree to it. A
# ratio is made of the two turns of one pair, because what else the machine does
# changes more from pair to pair than within one. A latency is negative where the
# action began before the client heard of its commit; of that no ratio is made.
against_base() { # NAME [PREFIX]
    local ratios=$PLACE/series.ratio.$1
    has_base || return 0
    paste "$PLACE/series.new.$1" "$PLACE/series.base.$1" | awk '$1 >= 0 && $2 > 0 { printf "%.3f\n", $1 / $2 }' >"$ratios"
    printf '%s\n' "${2:-}base=$(median base "$1")"
    sort -g "$ratios" | awk -v name="${2:-}base_ratio" '
        { v[NR] = $1 }
        END {
            if (NR == 0) { print name "=null"; exit }
            printf "%s=%.3f\n", name, (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2
            printf "%s_min=%s\n%s_max=%s\n", name, v[1], name, v[NR]
        }'
}

# One line: the median of a series of this tree, what it is compared with, and
# more. REFERENCE may be empty; MORE are NAME=NUMBER.
emit() { # MEASURE NAME UNIT REFERENCE MORE...
    local measure=$1 name=$2 unit=$3 reference=${4:-null} value ratio=null more='' pair
    shift 4
    value=$(median new "$name")
    [ "$reference" = null ] || ratio=$(awk -v a="$value" -v b="$reference" 'BEGIN { printf "%.3f", (b > 0 ? a / b : 0) }')
    # shellcheck disable=SC2046 # a word each
    for pair in "$@" $(against_base "$name"); do more+=$(printf ', "%s": %s' "${pair%%=*}" "${pair#*=}"); done
    printf '{"measure": "%s", "value": %s, "unit": "%s", "reference": %s, "ratio": %s%s}\n' \
        "$measure" "$value" "$unit" "$reference" "$ratio" "$more"
}
