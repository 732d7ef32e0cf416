#!/bin/sh
# Makes, once, a folder with a newer Debian (next/root beside this script) whose
# smtpd and rspamd the end-to-end tests run by chroot: run.py --smtpd next.
# Exit status: 0 the folder is ready, 2 it can't be made here (reason printed).
set -eu

release=trixie
packages=opensmtpd,rspamd,ca-certificates,netbase
here=$(cd "$(dirname "$0")" && pwd)
root=$here/next/root
log=$here/next/debootstrap.log

skip() {
    echo "no newer Debian to test with: $1" >&2
    exit 2
}

# The mirror that apt itself is set up with; its archives of security updates
# have another layout and are left out.
# shellcheck disable=SC2016 # the words are for apt-get
mirror() {
    apt-get indextargets --format '$(SITE) $(RELEASE)' \
        'Created-By: Packages' 'Identifier: Packages' |
        sed -n 's,^\(http[^ ]*/debian\)/* [a-z]*$,\1,p' | sed 1q
}

if [ -e "$here/next/done" ]; then
    exit 0
fi
[ "$(id -u)" -eq 0 ] || skip "must be root to run debootstrap"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
command -v apt-get >/dev/null || skip "not a Debian machine"
[ -e "/usr/share/debootstrap/scripts/$release" ] ||
    skip "this debootstrap does not know $release"
from=$(mirror)
[ -n "$from" ] || skip "apt is not set up with a Debian mirror"

echo "making $root (once, some minutes)" >&2
rm -rf "$here/next"
mkdir -p "$here/next"
# In namespaces of its own, so that nothing stays mounted or running.
timeout 900 unshare --mount --pid --fork --kill-child --mount-proc \
    debootstrap --variant=minbase --include="$packages" \
    "$release" "$root" "$from" >"$log" 2>&1 ||
    skip "debootstrap failed, see $log"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
: >"$here/next/done"
