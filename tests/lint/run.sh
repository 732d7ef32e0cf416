#!/bin/sh
# Checks the rules of the house; prints TAP.
cd "$(dirname "$0")/../.." || exit 1

# check NAME: the test passes if stdin is empty, else shows it.
check() {
    found=$(cat)
    if [ -z "$found" ]; then
        echo "ok - lint: $1"
    else
        echo "not ok - lint: $1"
        printf '%s\n' "$found" | head -n 20 | sed 's/^/# /'
    fi
}

sources=$(git ls-files 'common/*.[ch]' 'filter-*/*.[ch]')

# includes ROOM ALLOWED...: what ROOM includes of ours must be of ALLOWED.
includes() {
    room=$1
    shift
    allowed=$(printf '%s|' "$@")
    grep -nE '^#include "' $(printf '%s\n' "$sources" | grep "^$room/") \
        /dev/null | grep -vE "\"(${allowed%|})/"
}

{
    includes common/base common/base
    includes common/protocol common/protocol common/base
    includes common/message common/message common/base
    includes common/dkim common/dkim common/message common/base
    includes common/dns common/dns common/engine common/base
    includes common/engine common/engine common/protocol common/message \
        common/base
    for f in filter-*/; do
        f=${f%/}
        includes "$f" "$f" common/base common/protocol common/message \
            common/dkim common/dns common/engine
    done
} | check "rooms include only what lies below them"

# A filter sees the engine by its public headers only.
grep -nE '#include "common/(engine/(engine|cli|out|replay|lines|heads)|protocol/(wire))\.h"' \
    filter-*/*.[ch] | check "filters keep out of the engine's inside"

# only PATTERN FILES...: the include may stand in these files alone.
only() {
    pattern=$1
    shift
    grep -nE "^#include <($pattern)" $sources |
        grep -vE "^($(printf '%s|' "$@" | sed 's/|$//')):"
}

{
    only 'event2/|event\.h' common/engine/loop.c
    only 'openssl/' 'common/dkim/(key|digest|sign|verify)[a-z_]*\.c' \
        'common/dkim/crypto\.h'
    only 'curl/' 'filter-rspamd/http[a-z_]*\.c'
    only 'jansson' 'filter-rspamd/verdict[a-z_]*\.[ch]'
    only 'unbound' 'common/dns/[a-z_]*\.c'
    only 'idn2' 'common/dkim/[a-z_]*\.c'
    only 'uthash|utlist' common/base/hash.h
} | check "each library stands in its one place"

grep -nwE '(sprintf|vsprintf|strcpy|strcat|strtok|gets|atoi|atol|sscanf|alloca|system|popen)[[:space:]]*\(' \
    $(git ls-files '*.c' '*.h' | grep -v '^tests/bench/') |
    check "no banned function"

grep -nwE '(exit|_exit|abort|err|errx|assert)[[:space:]]*\(' $sources |
    check "nothing ends the process"

for h in $(git ls-files '*.h'); do
    printf '#include "%s"\n' "$h" |
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -I. -fsyntax-only -x c - 2>&1
done | grep -E 'error|warning' | check "each header compiles alone"

# named FILE LIST: FILE stands in LIST, with a reason.
named() {
    grep -qE "^$1 +[^ ]" "tests/lint/$2"
}

for f in $(git ls-files '*.c' '*.h' '*.py' '*.sh'); do
    lines=$(wc -l < "$f")
    [ "$lines" -le 500 ] || named "$f" long || echo "$f: $lines lines"
done | check "no file over 500 lines without a reason"

for f in $(git ls-files 'common/*.c'); do
    t=${f##*/}
    t=test_${t%.c}
    if [ -f "tests/unit/$t.c" ]; then
        grep '^UNIT_TESTS' -A 1 Makefile | grep -qw "${t#test_}" ||
            echo "$t is not in the Makefile"
    else
        named "$f" untested || echo "$f: no unit test, no reason"
    fi
done | check "each source of common has its unit test or a reason"

if command -v ctags > /dev/null; then
    ctags -x --c-kinds=f --_xformat='%{input} %{name} %{line} %{end}' \
        $sources | awk '$4 - $3 > 60 { print $1 ": " $2 ": " $4 - $3 }' |
        check "no function over 60 lines"
else
    echo "ok - lint: no function over 60 lines # SKIP no universal-ctags"
fi

if command -v clang-format > /dev/null; then
    clang-format --dry-run $(git ls-files '*.c' '*.h') 2>&1 |
        grep warning | check "clang-format changes nothing"
else
    echo "ok - lint: format # SKIP no clang-format"
fi

# ReflowComments is off, so clang-format does not see them.
for f in $(git ls-files '*.c' '*.h'); do
    expand "$f" | awk -v f="$f" 'length > 80 { print f ":" FNR }'
done | check "no line over 80 columns"

if command -v mandoc > /dev/null; then
    for m in $(git ls-files 'filter-*/*.8'); do
        mandoc -Tlint -Wstyle "$m"
    done | grep -v 'referenced manual not found' | check "manual pages are clean"
else
    echo "ok - lint: manual pages # SKIP no mandoc"
fi

git grep -nIE '[[:<:]](TODO|FIXME|XXX|HACK)[[:>:]]' -- '*.c' '*.h' '*.py' \
    2> /dev/null | check "nothing is marked as unfinished"

for f in $(git ls-files '*.sh'); do
    sh -n "$f" 2>&1
done | check "shell scripts parse"
