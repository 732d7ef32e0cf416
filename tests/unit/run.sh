#!/bin/sh
# Runs every unit test program; prints TAP.
cd "$(dirname "$0")/../.." || exit 1
bad=0
for t in tests/bin/test_*; do
    [ -x "$t" ] || continue
    name=${t##*/}
    CMOCKA_MESSAGE_OUTPUT=TAP "$t" > tests/log/unit.one 2> tests/log/unit.err
    status=$?
    # cmocka numbers the tests of each group anew and prints a plan for each.
    grep -E '^(ok|not ok|#)' tests/log/unit.one |
        sed -E "s/^not (ok .*# SKIP)/\1/; s/^((not )?ok) [0-9]+ (- )?/\1 - $name: /"
    if [ $status -ne 0 ]; then
        bad=1
        grep -q '^not ok' tests/log/unit.one ||
            echo "not ok - $name ended with status $status"
        sed 's/^/# /' tests/log/unit.err
    fi
done
exit $bad
