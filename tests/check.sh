#!/bin/sh
# Runs the suites of tests/suites (or those named as arguments), shows what
# failed or was skipped, and ends with one line: N passed, N failed, N skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
for name in "$@"; do
    grep -q "^$name " tests/suites || {
        echo "no such suite: $name (tests/suites has them)" >&2
        exit 1
    }
done
mkdir -p tests/log
all=tests/log/check.tap
: > "$all"

# TAP on stdin: failures with their comments, skips, and one line of totals.
show() {
    awk -v suite="$1" '
        { sub(/\r$/, "") }
        /^not ok/ { bad++; print "  " $0; fail = 1; next }
        /^ok.*# *[Ss][Kk][Ii][Pp]/ { skip++; print "  " $0; fail = 0; next }
        /^ok/ { good++; fail = 0; next }
        /^#/ && fail { print "  " $0 }
        END {
            printf "%-14s %d passed, %d failed, %d skipped\n",
                suite ":", good, bad, skip
        }'
}

while read -r name command; do
    case "$name" in '' | '#'*) continue ;; esac
    if [ $# -gt 0 ]; then
        case " $* " in *" $name "*) ;; *) continue ;; esac
    fi
    tap=tests/log/$name.tap
    start=$(date +%s)
    sh -c "$command" > "$tap" 2> tests/log/"$name".err < /dev/null
    status=$?
    # A suite that dies without saying so is a failed test.
    if [ $status -ne 0 ] && ! grep -q '^not ok' "$tap"; then
        echo "not ok - suite $name ended with status $status" >> "$tap"
        tail -n 20 tests/log/"$name".err | sed 's/^/# /' >> "$tap"
    elif ! grep -Eq '^(not )?ok' "$tap"; then
        echo "not ok - suite $name ran no test" >> "$tap"
    fi
    show "$name" < "$tap" | sed "\$s/\$/ ($(($(date +%s) - start)) s)/"
    cat "$tap" >> "$all"
done < tests/suites

awk '
    /^not ok/ { bad++ }
    /^ok.*# *[Ss][Kk][Ii][Pp]/ { skip++; next }
    /^ok/ { good++ }
    END {
        printf "%d passed, %d failed, %d skipped\n", good, bad, skip
        exit bad > 0 || good == 0
    }' "$all"
