#!/bin/sh
# Runs one analyzer over common/ and filter-*/; says what it finds, and fails.
# usage: analyze.sh clang-tidy|cppcheck|gcc|scan-build
set -u
cd "$(dirname "$0")/../.." || exit 1
sources=$(ls common/*/*.c filter-*/*.c)
flags='-std=c11 -D_GNU_SOURCE -DVERSION="0" -I.'

# each N COMMAND...: COMMAND with N sources at a time, two of them at once.
each() {
    n=$1
    shift
    echo "$sources" | xargs -P 2 -n "$n" sh -c "$@"
}

case ${1:-} in
clang-tidy)
    # Its checks and what they leave out: .clang-tidy.  What it has of the
    # analyzer of clang is left to scan-build.
    each 8 'f=$0; clang-tidy --quiet --checks="-clang-analyzer-*" "$@" -- $f \
        2> /dev/null' "$flags"
    ;;
cppcheck)
    # ctuuninitvar takes the address of an array in a struct for a use of
    # what is in it.
    # shellcheck disable=SC2086 # a list of files
    cppcheck --quiet -j 2 --error-exitcode=1 --std=c11 -I. \
        --enable=warning,performance,portability --inline-suppr \
        --suppress=ctuuninitvar --suppress=missingIncludeSystem \
        --include=tests/lint/cppcheck.h $sources
    ;;
gcc)
    # With -O2 it does not end for some files.  In usermap.c it loses sight
    # of what hangs in a hash table, and calls it leaked.
    each 1 'case $1 in */usermap.c) w=-Wno-analyzer-malloc-leak ;; *) w= ;; esac
        gcc $0 -O0 -fanalyzer -Werror $w -c -o /dev/null "$1"' "$flags"
    ;;
scan-build)
    # A build from scratch, the objects of which are of no use after it.
    scan-build -o tests/log/scan-build --status-bugs \
        ${MAKE:-make} -s -j2 all
    ;;
*)
    echo "usage: analyze.sh clang-tidy|cppcheck|gcc|scan-build" >&2
    exit 2
    ;;
esac
