#!/bin/sh
# Which lines of common/ the suites run: builds a copy of the tree with
# counters, runs the suites in it, and prints a table; tests/log/coverage has
# the lines that none of them runs.  Fails under 90 %.
# usage: coverage.sh SUITE...
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM

umask 022
chmod 755 "$work"
mkdir -p "$work/counters" tests/log
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$work" || exit 1
cd "$work" || exit 1

# The counters are a file mapped into memory (%c), opened before the sandbox
# is closed and whole however the process ends.
flags="-fprofile-instr-generate=$work/counters/%m%c.profraw -fcoverage-mapping"
flags="-O1 -g $flags -mllvm -runtime-counter-relocation"
build="make -s CC=clang"
$build CFLAGS="$flags" SAN_FLAGS="$flags -fsanitize=address" \
    test-programs tests/bin/.golden tests/bin/.fuzz tests/bin/filter-plain 2> build.err || {
    tail -n 20 build.err
    exit 1
}
# smtpd runs the filters as another user, who must get at their counters.
chmod 777 counters
for p in filter-*/filter-*; do
    case $p in *.[a8cho]) ;; *) "$p" -V > build.log || exit 1 ;; esac
done
chmod 666 counters/*
MAKE=true sh tests/check.sh "$@"

llvm-profdata merge -o all.profdata counters/*.profraw || exit 1
set --
for p in filter-*/filter-* tests/bin/*; do
    case $p in *.[a8cho] | *bench-*) continue ;; esac
    [ ! -f "$p" ] || [ ! -x "$p" ] || set -- "$@" -object "$p"
done
shift
llvm-cov export -format=lcov -instr-profile all.profdata "$@" > all.lcov ||
    exit 1
/usr/bin/python3 tests/coverage.py "$work" all.lcov "$root/tests/log/coverage"
