#!/bin/sh
# Installs the Debian packages that are missing for WHAT (build, run or test).
# usage: deps.sh build|run|test ...
#
# Only missing packages are touched, an installed mail server is never
# replaced, and no service that comes with a package is started.
set -eu

# what, package, why
table='
build  pkg-config               finds the libraries
build  libevent-dev             event loop
build  libjansson-dev           JSON of rspamd replies
build  libcurl4-openssl-dev     HTTP to rspamd
build  libunbound-dev           DNS lookups
build  nettle-dev               libunbound.pc asks for it
build  libssl-dev               hashes, signatures, base64
build  libidn2-dev              internationalised domain names
build  uthash-dev               hash tables
build  libseccomp-dev           system call filter
run    opensmtpd                the real smtpd of demo and e2e
run    rspamd                   the real rspamd of demo and e2e
run    python3                  runs demo and e2e
run    python3-dkim             second opinion on signatures
run    iproute2                 brings up loopback in a network namespace
run    util-linux               unshare, setpriv
run    openssl                  certificates for STARTTLS
test   libcmocka-dev            unit tests
test   bmake                    the Makefile under BSD make
test   binutils                 reads how the programs are hardened
test   dpkg-dev                 the flags of a Debian package
test   mandoc                   checks the manual pages
test   clang                    second compiler
test   clang-format             checks the layout
test   clang-tidy               static analysis
test   clang-tools              static analysis: scan-build
test   llvm                     coverage
test   cppcheck                 static analysis
test   libclang-rt-14-dev       sanitizers and libFuzzer
test   universal-ctags          measures functions
test   valgrind                 memory checks
test   opendkim-tools           keys and DNS records by another program
test   libmail-dkim-perl        signatures by another implementation
test   python3-nacl             Ed25519 signatures by another implementation
test   libopendkim-dev          signatures by another implementation
test   opensmtpd-filter-dkimsign  compared with in bench
test   opensmtpd-filter-rspamd  compared with in bench
test   unbound                  DNS server with DNSSEC
test   debootstrap              newer Debian for e2e-next
test   gnuplot-nox              charts of bench
'

fail() {
    echo "deps: $1" >&2
    exit 1
}

installed() {
    test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
        installed
}

wanted() {
    echo "$table" | awk -v what="$1" '$1 == what { print $2 }'
}

# Prints the installed mail server, if it is another one than opensmtpd.
other_mta() {
    dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Provides}\n' |
        awk -F '\t' '$1 == "installed" && $2 != "opensmtpd" &&
            $3 ~ /(^|, )mail-transport-agent([, ]|$)/ { print $2; exit }'
}

# While packages are set up, policy-rc.d keeps Debian from starting services.
policy=/usr/sbin/policy-rc.d
kept=

restore_policy() {
    trap - EXIT
    rm -f "$policy"
    if [ -n "$kept" ]; then
        mv "$kept" "$policy"
    fi
}

deny_services() {
    if [ -e "$policy" ] || [ -L "$policy" ]; then
        kept=$policy.deps-$$
        mv "$policy" "$kept"
    fi
    trap restore_policy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

[ $# -gt 0 ] || fail "usage: deps.sh build|run|test ..."
missing=
for what; do
    names=$(wanted "$what")
    [ -n "$names" ] || fail "unknown: $what (build, run or test)"
    for name in $names; do
        if ! command -v dpkg-query >/dev/null; then
            missing="$missing $name"
        elif ! installed "$name"; then
            missing="$missing $name"
        fi
    done
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null ||
    fail "no apt here; install by hand what Debian calls:$missing"
case "$missing " in *" opensmtpd"*)
    mta=$(other_mta)
    [ -z "$mta" ] ||
        fail "needs opensmtpd, which would replace the mail server $mta; remove it or use another machine"
esac
[ "$(id -u)" -eq 0 ] || fail "as root: apt-get install$missing"

deny_services
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
echo "deps: installing$missing" >&2
# An old list may do, so a failed update is no end.
apt-get -q update >"$log" 2>&1 || true
# shellcheck disable=SC2086 # a list of words
if ! apt-get -q install -y --no-install-recommends $missing \
    </dev/null >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "could not install:$missing (whole output: $log)"
fi
rm -f "$log"
