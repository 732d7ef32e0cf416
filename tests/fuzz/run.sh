#!/bin/sh
# Gives each fuzz target its corpus; prints TAP.
# usage: run.sh [0 [NAME...]]      (the corpora once: make check)
#        run.sh SECONDS [NAME...]  (fuzzes; new inputs go to tests/log/fuzz)
#        run.sh merge [NAME...]    (keeps of those what reaches new code)
#        run.sh totals             (what all runs add up to)
cd "$(dirname "$0")/../.." || exit 1
what=${1:-0}
totals=tests/log/fuzz/totals # a line for each run: NAME SECONDS EXECUTIONS
export ASAN_OPTIONS="quarantine_size_mb=32:$ASAN_OPTIONS"
[ $# -gt 0 ] && shift
if [ $# -eq 0 ]; then
    for f in tests/fuzz/fuzz_*.c; do
        f=${f##*/fuzz_}
        set -- "$@" "${f%.c}"
    done
fi

# Edges count here, not how often they are passed: that keeps corpora small.
merge() {
    new=tests/log/fuzz/$1.new
    rm -rf "$new"
    mkdir -p "$new" "tests/log/fuzz/$1" "tests/fuzz/corpus/$1"
    tests/bin/fuzz-"$1" -merge=1 -use_counters=0 -close_fd_mask=3 \
        "$new" "tests/fuzz/corpus/$1" "tests/log/fuzz/$1" \
        > "tests/log/fuzz-$1.err" 2>&1 || return 1
    # What once was found stays.
    cp "tests/fuzz/corpus/$1"/found-* "$new" 2> /dev/null
    rm -rf "tests/fuzz/corpus/$1"
    mv "$new" "tests/fuzz/corpus/$1"
}

run() {
    dict=
    [ -f "tests/fuzz/dict/$1.dict" ] && dict=-dict=tests/fuzz/dict/$1.dict
    mkdir -p "tests/log/fuzz/$1"
    if [ "$what" -eq 0 ]; then
        tests/bin/fuzz-"$1" -runs=0 "tests/fuzz/corpus/$1"
    else
        tests/bin/fuzz-"$1" -max_total_time="$what" -max_len=16384 \
            -timeout=300 -rss_limit_mb=1024 -print_final_stats=1 \
            -artifact_prefix="tests/log/fuzz/$1-" -close_fd_mask=2 $dict \
            "tests/log/fuzz/$1" "tests/fuzz/corpus/$1"
    fi
}

case $what in
    totals)
        [ -s "$totals" ] || { echo "nothing fuzzed yet"; exit 0; }
        awk '{ s[$1] += $2; n[$1] += $3 }
            END { for (t in n) printf "| %s | %d | %d |\n", t, s[t], n[t] }' \
            "$totals" | sort
        exit ;;
    merge)
        python3 tests/fuzz/seeds.py tests/log/fuzz || exit 1
        for name in "$@"; do
            merge "$name" || echo "$name: not merged" >&2
        done
        exit ;;
esac
bad=0
for name in "$@"; do
    log=tests/log/fuzz-$name.err
    start=$(date +%s)
    run "$name" > "$log" 2>&1
    status=$?
    count=$(ls "tests/fuzz/corpus/$name" | wc -l)
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    [ "$what" -eq 0 ] ||
        echo "$name $(($(date +%s) - start)) ${runs:-0}" >> "$totals"
    if [ $status -eq 0 ]; then
        echo "ok - fuzz $name: $count files${runs:+, $runs executions}"
    else
        echo "not ok - fuzz $name: status $status"
        grep -E 'ERROR|runtime error|SUMMARY|Test unit written' "$log" |
            head -n 8 | sed 's/^/# /'
        bad=1
    fi
done
exit $bad
