#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Runs each of our filters through all that smtpd may do; prints TAP.

With a number as argument: that seed, and ten times the messages.
"""
import os
import shutil
import subprocess
import sys
import tempfile

import stubs
from measure import BIN, TOP

VERSIONS = ["0.4", "0.5", "0.6", "0.7", "0.8"]

# name, options besides --protocol and --seed, versions
SCENARIOS = [
    ("odd order, clients go away",
     ["--chaos", "--sessions", "40", "--drop-rate", "15", "--count", "600"],
     VERSIONS),
    ("lines too long to answer, many mails",
     ["--chaos", "--overlong", "--sessions", "40", "--mails", "5",
      "--count", "400"], VERSIONS),
    ("twice in a chain",
     ["--chaos", "--overlong", "--chain", "2", "--sessions", "30",
      "--drop-rate", "10", "--mails", "5", "--count", "300"],
     ["0.6", "0.7"]),
    ("sessions never announced",
     ["--chaos", "--ghosts", "--sessions", "30", "--mails", "3",
      "--count", "400"], ["0.6", "0.7"]),
    ("smtpd ends in the middle",
     ["--chaos", "--sessions", "30", "--drop-rate", "15", "--eof-early",
      "--count", "300"], ["0.7"]),
    ("1000 sessions, many go away",
     ["--sessions", "1000", "--drop-rate", "20", "--count", "2000"],
     ["0.7"]),
    ("messages larger than memory allows",
     ["--sessions", "60", "--drop-rate", "20", "--size", "2000000",
      "--count", "80"], ["0.7"]),
    ("many fields and recipients",
     ["--headers", "1900", "--rcpts", "200", "--count", "10"],
     ["0.6", "0.7"]),
    ("empty messages", ["--size", "0", "--count", "200"], ["0.7"]),
    ("lines of one byte", ["--lines", "1", "--size", "50000",
                           "--count", "20"], ["0.7"]),
    ("longest lines", ["--lines", "65480", "--size", "3000000",
                       "--count", "20", "--sessions", "4"], ["0.7"]),
]


def filters(folder, http, dns, keys):
    """Name and command of each filter of ours."""
    table = os.path.join(folder, "keytable")
    with open(table, "w", encoding="ascii") as out:
        out.write(f"example.net s1 {keys['rsa']}\n"
                  f"example.net s1e {keys['ed25519']}\n")
    return [
        ("sample", "tests/bin/filter-sample", ""),
        ("rspamd", "filter-rspamd/filter-rspamd",
         f"-url http://127.0.0.1:{http.port}"),
        ("dkimsign", "filter-dkimsign/filter-dkimsign", f"-K {table}"),
        ("dkimverify", "filter-dkimverify/filter-dkimverify",
         f"-r 127.0.0.1@{dns.port} mx.example.org"),
    ]


def signed(folder, keys):
    """Options that send signed messages, one key of which is not cached."""
    options = []
    for number, selectors in enumerate((["c1"], ["c2e"], ["c3", "n4"])):
        path = os.path.join(folder, f"signed-{number}")
        stubs.sign(path, stubs.message(9000), keys, selectors)
        options += ["--signed", path]
    return options


def run(command, options, seed, version):
    result = subprocess.run(
        [os.path.join(BIN, "bench-smtpd"), "--timeout", "20", "--seed",
         str(seed), "--protocol", version] + options + [command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, errors="replace")
    if result.returncode == 0 and "stderr_control=0" in result.stdout:
        return None
    return result.stdout


def try_filter(name, command, seed, more, extra):
    for what, options, versions in SCENARIOS:
        if "--chaos" in options:
            options = options + extra
        if more:
            at = options.index("--count") + 1
            options = options[:at] + [options[at] + "0"] + options[at + 1:]
        for version in versions:
            why = run(command, options, seed, version)
            print("ok" if why is None else "not ok", "-",
                  f"chaos {name} {version}: {what}", flush=True)
            if why is not None:
                print("# " + " ".join(options))
                print("# " + why[:1500].replace("\n", "\n# "))


def main():
    more = len(sys.argv) > 1
    seed = int(sys.argv[1]) if more else 1
    folder = tempfile.mkdtemp(prefix="chaos.")
    keys, records = stubs.make_keys(folder)
    dns = stubs.Dns(records)
    dns.start()
    http = stubs.Http(0)
    try:
        extra = signed(folder, keys)
        for name, program, options in filters(folder, http, dns, keys):
            path = os.path.join(TOP, program)
            if os.access(path, os.X_OK):
                try_filter(name, f"{path} {options}", seed, more,
                           extra if name == "dkimverify" else [])
            else:
                print(f"ok - chaos {name} # SKIP {program} is not built")
    finally:
        http.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
