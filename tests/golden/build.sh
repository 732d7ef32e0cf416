#!/bin/sh
# Compiles sources with sanitizers and puts them into one library.
# usage: build.sh LIBRARY OBJECT...     (environment: CC, FLAGS)
#
# An object is made from the .c file of its name, into the library's folder.
set -eu
lib=$1
shift
dir=${lib%/*}
for o in "$@"; do
    mkdir -p "$dir/${o%/*}"
    echo "$o"
done | xargs -P 2 -I OBJ sh -c \
    'o=$1; $CC $FLAGS -c -o "$2/$o" "${o%.o}.c"' - OBJ "$dir"
rm -f "$lib"
for o in "$@"; do echo "$dir/$o"; done | xargs ar qcs "$lib"
