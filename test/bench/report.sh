# shellcheck shell=bash
# report.sh: what was measured, and the lines that are printed. Sourced by run.

# Numbers, one a line, in the file of a series; their median.
note() { printf '%s\n' "$2" >>"$PLACE/series.$1"; }
median() {
    [ ! -s "$PLACE/series.$1" ] || sort -g "$PLACE/series.$1" |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
percentile() { # FILE PERCENT
    sort -g "$1" | awk -v p="$2" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999999); print v[i < 1 ? 1 : i] }'
}

emit() { # MEASURE VALUE UNIT REFERENCE MORE...: MORE are NAME=NUMBER; no reference: null
    local measure=$1 value=$2 unit=$3 reference=${4:-null} ratio=null more='' pair
    shift 4
    for pair; do more+=$(printf ', "%s": %s' "${pair%%=*}" "${pair#*=}"); done
    [ "$reference" = null ] || ratio=$(awk -v a="$value" -v b="$reference" 'BEGIN { printf "%.3f", (b > 0 ? a / b : 0) }')
    printf '{"measure": "%s", "value": %s, "unit": "%s", "reference": %s, "ratio": %s%s}\n' \
        "$measure" "$value" "$unit" "$reference" "$ratio" "$more"
}
