#!/bin/sh
# Gives each fuzz target its corpus; prints TAP.
# usage: run.sh            (the corpora once: make check)
#        run.sh SECONDS [NAME...]   (fuzzes; new inputs go to tests/log/fuzz)
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-0}
[ $# -gt 0 ] && shift
if [ $# -eq 0 ]; then
    for f in tests/fuzz/fuzz_*.c; do
        f=${f##*/fuzz_}
        set -- "$@" "${f%.c}"
    done
fi
bad=0
for name in "$@"; do
    corpus=tests/fuzz/corpus/$name
    log=tests/log/fuzz-$name.err
    mkdir -p "tests/log/fuzz/$name"
    dict=
    [ -f "tests/fuzz/$name.dict" ] && dict=-dict=tests/fuzz/$name.dict
    if [ "$seconds" -eq 0 ]; then
        tests/bin/fuzz-"$name" -runs=0 "$corpus" > "$log" 2>&1
    else
        tests/bin/fuzz-"$name" -max_total_time="$seconds" -max_len=16384 \
            -timeout=20 -rss_limit_mb=1024 -artifact_prefix="tests/log/fuzz/" \
            -print_final_stats=1 -close_fd_mask=2 $dict \
            "tests/log/fuzz/$name" "$corpus" > "$log" 2>&1
    fi
    status=$?
    count=$(ls "$corpus" | wc -l)
    if [ $status -eq 0 ]; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok - fuzz $name: $count files${runs:+, $runs executions}"
    else
        echo "not ok - fuzz $name: status $status"
        grep -E 'ERROR|runtime error|SUMMARY|Test unit written' "$log" |
            head -n 8 | sed 's/^/# /'
        bad=1
    fi
done
exit $bad
