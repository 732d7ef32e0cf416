#!/bin/sh
# Runs the golden scripts of each filter; prints TAP.
# usage: run.sh [NAME...]
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- $(ls tests/golden/scripts)
bad=0
for name in "$@"; do
    tests/bin/golden-"$name" tests/golden/scripts/"$name"/* \
        2> tests/log/golden-"$name".err || bad=1
    # What a sanitizer had to say.
    grep -A 12 -E 'ERROR: |runtime error' tests/log/golden-"$name".err |
        head -n 40 | sed 's/^/# /'
done
exit $bad
