#!/bin/sh
# Prints what the build needs and does not find, each with the Debian package
# that has it.  usage: missing.sh PKG-CONFIG CC
set -u
list=$(dirname "$0")/libraries
pkg_config=$1
cc=$2
found=

if ! command -v "$pkg_config" > /dev/null; then
    echo "$pkg_config (Debian: pkg-config)"
    exit 0
fi
while read -r name system package; do
    [ "$system" = all ] || [ "$system" = "$(uname -s)" ] || continue
    case $name in
    # shellcheck disable=SC2086 # a command with its arguments
    *.h) printf '#include <%s>\n' "$name" | $cc -E -x c - ;;
    *) "$pkg_config" --exists "$name" ;;
    esac > /dev/null 2>&1 || found="$found, $name (Debian: $package)"
done < "$list"
echo "${found#, }"
