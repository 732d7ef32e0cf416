#!/bin/sh
# Prints the hardening flags that the compiler (or the linker) knows, for the
# Makefile to put before the flags of the user, who so has the last word.
# usage: harden.sh compile|link CC FLAGS
set -u
what=$1
cc=$2
flags=$3
# shellcheck disable=SC2086 # lists of words

# A sanitizer finds what zeroed variables and checked copies would hide.
case " $flags " in *' -fsanitize='*) exit 0 ;; esac

pie=yes static=
case " $flags " in *no-pie* | *no-PIE*) pie= ;; esac
case " $flags " in *' -static '*) static=yes ;; esac

# knows FLAG...: nothing is said, not even a warning, when they are used.
knows() {
    if [ "$what" = link ]; then
        echo 'int main(void) { return 0; }' |
            $cc $flags -Werror "$@" -x c - -o /dev/null
    else
        printf '#include <stdlib.h>\nint x;\n' |
            $cc $flags -Werror "$@" -c -x c - -o /dev/null
    fi > /dev/null 2>&1
}

# Is it on by the user or by default, or off for lack of optimization?
fortify() {
    macros=$($cc $flags -dM -E -x c /dev/null 2> /dev/null) || return
    case $macros in
    *' _FORTIFY_SOURCE '*) ;;
    *' __OPTIMIZE__ '*) echo -D_FORTIFY_SOURCE=3 -D_FORTIFY_SOURCE=2 ;;
    esac
}

# Of each line the first that is known.
choices() {
    if [ "$what" = link ]; then
        [ -z "$pie" ] || [ "$static" ] || echo -pie
        echo -Wl,-z,relro,-z,now
        echo -Wl,-z,noexecstack
        return
    fi
    [ -z "$pie" ] || echo -fPIE
    echo -fstack-protector-strong
    echo -fstack-clash-protection
    echo -fcf-protection
    echo -mbranch-protection=standard
    zero=-ftrivial-auto-var-init=zero
    # clang before 16 wants to be asked twice.
    echo $zero "$zero,-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang"
    fortify
}

choices | while read -r line; do
    for choice in $line; do
        set -- $(echo "$choice" | sed '/^-Wl/!s/,/ /g')
        if knows "$@"; then
            echo "$@"
            break
        fi
    done
done | tr '\n' ' '
