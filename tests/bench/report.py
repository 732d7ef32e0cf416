# SPDX-License-Identifier: ISC
"""Tables of ratios, the judgement of the targets, TSV and SVG."""
import os
import platform
import shutil
import statistics
import subprocess
import time

import measure
from measure import QUICK, TOP, note

# Our program, and what it is compared with in the tables.
PEERS = {"engine": "echo", "rspamd": "rspamd-go",
         "dkimsign-rsa": "dkimsign-0.5-rsa",
         "dkimsign-ed25519": "dkimsign-0.5-ed25519",
         "dkimverify": "opendkim"}
# Groups that have tables of their own.
OTHER = ("alone", "memory", "growth", "smtpd")

tables = []     # what table() printed


def table(title, head, rows):
    if not rows:
        return
    widths = [max(len(str(r[i])) for r in [head] + rows)
              for i in range(len(head))]
    text = f"\n{title}\n\n" + "".join(
        "| " + " | ".join(str(cell).ljust(w)
                          for cell, w in zip(row, widths)) + " |\n"
        for row in [head, ["-" * w for w in widths]] + rows)
    tables.append(text)
    print(text, end="")


def ratio(over, under, key, digits=3):
    if over is None or under is None or not under.get(key):
        return ""
    return f"{over.get(key, 0) / under[key]:.{digits}g}"


class Rows:
    def __init__(self, rows):
        self.all = rows
        self.by = {(g, c, p): r for g, c, p, r in rows}

    def get(self, group, case, program, key):
        """A number, or None if that was not measured."""
        result = self.by.get((group, case, program))
        return None if result is None else result.get(key)


def ratio_tables(rows):
    lines = []
    for group, case, program, ours in rows.all:
        if program not in PEERS or group in OTHER:
            continue
        peer = rows.by.get((group, case, PEERS[program]))
        if peer is None:
            continue
        lines.append([program, case, PEERS[program],
                      ratio(ours, peer, "msg_s"),
                      ratio(peer, ours, "cpu_us_msg"),
                      ratio(ours, peer, "lat_p99_us"),
                      ratio(ours, peer, "rss_kb")])
    table("Each of our programs beside its peer", [
        "program", "message x sessions", "peer", "messages/s, ours/peer",
        "CPU, peer/ours", "p99, ours/peer", "memory, ours/peer"], lines)
    lines = []
    for group, case, program, result in rows.all:
        if group == "alone":
            echo = rows.by.get((group, case, "echo"))
            lines.append([program, ratio(result, echo, "done_p50_us"),
                          ratio(result, echo, "cpu_us_msg")])
    table("One 2 KB message alone, as multiples of the echo filter",
          ["program", "dot to commit", "CPU"], lines)
    lines = [[case, program, f"{result['rss_kb'] / 1024:.1f}",
              f"{result['idle_rss_kb'] / 1024:.1f}",
              f"{result['idle_fds']:.0f}"]
             for group, case, program, result in rows.all
             if group == "memory"]
    table("Memory", ["case", "program", "peak MiB", "idle MiB",
                     "descriptors"], lines)


def slope(low, high):
    """CPU of one unit more, between two measurements."""
    return (high["cpu_us_msg"] - low["cpu_us_msg"]) / \
        (high["units"] - low["units"])


def growth_factors(rows):
    """(program, what, 4x / 1x, 16x / 1x, bend) for each thing that grew.

    The bend is what one unit more costs between 4x and 16x, over what it
    costs between 1x and 4x: 1 if linear, 4 if quadratic.  Constant cost and
    few units hide in the other two.
    """
    seen = {}
    for group, case, program, result in rows.all:
        if group == "growth":
            what, factor = case.split()
            seen.setdefault((program, what), {})[factor] = result
    for (program, what), at in seen.items():
        if len(at) < 3:
            continue
        low, mid, high = at["1x"], at["4x"], at["16x"]
        bend = high["unit_ns"] / low["unit_ns"]
        if high["units"] > low["units"]:
            first = slope(low, mid)
            bend = slope(mid, high) / first if first > 0 else None
            # A cost per unit that still falls has none; between two numbers
            # that are nearly the same the slope is noise.
            if high["unit_ns"] <= mid["unit_ns"]:
                bend = None
        yield (program, what, mid["unit_ns"] / low["unit_ns"],
               high["unit_ns"] / low["unit_ns"], bend)


def growth_table(rows):
    lines = [[program, what, f"{four:.2f}", f"{sixteen:.2f}",
              "-" if bend is None else f"{bend:.2f}"]
             for program, what, four, sixteen, bend in growth_factors(rows)]
    table("Growth: CPU per unit, as a multiple of that at 1x, and its bend",
          ["program", "of", "4x", "16x", "bend"], lines)


def over(a, b):
    return None if not a or not b else a / b


def in_turns(rows, value):
    """The median, over the turns of the part limits, of a number made from the
    results of one; None if there are none."""
    found = []
    groups = {g for g, *_ in rows.all if g.startswith("limits ")}
    for group in groups:
        def at(case, program, key="msg_s", group=group):
            return rows.get(group, case, program, key)
        found.append(value(at))
    found = [number for number in found if number is not None]
    return statistics.median(found) if found else None


def sign_cpu(case, per_second, cores):
    """CPU of a signed message over that of the bare operation."""
    return lambda at: over(
        at(case, "dkimsign-rsa", "cpu_us_msg"),
        over(1e6 * cores, at(per_second, "openssl")))


def verify_cpu(case, per_second, cores):
    """CPU of a verified message over that of the operation and of echo."""
    def value(at):
        call = over(1e6 * cores, at(per_second, "openssl"))
        echo = at(case, "echo", "cpu_us_msg")
        return over(at(case, "dkimverify", "cpu_us_msg"),
                    call and echo and call + echo)
    return value


def targets(rows):
    """Design targets: (what, needed, reached, met); reached None: missing."""
    get = rows.get
    result = []

    def target(what, needed, value, at_most=False):
        if value is None:
            result.append([what, f"{needed:g}", "-", "not measured"])
            return
        good = value <= needed if at_most else value >= needed
        result.append([what, f"{needed:g}", f"{value:.3g}",
                       "met" if good else "missed"])

    def rate(group, case, program, key="msg_s"):
        return get(group, case, program, key)

    many = "100"
    for case in ("50 KB x 1", "1 MB x 1"):
        target(f"engine, {case}: rate / echo", 0.7, over(
            rate("engine", case, "engine"), rate("engine", case, "echo")))
    target("dkimsign RSA, 2 KB: rate / openssl on all cores", 0.85, in_turns(
        rows, lambda at: over(at("sign x 100", "dkimsign-rsa"),
                              at("rsa_sign_all", "openssl"))))
    target("dkimsign Ed25519, 50 KB: rate / 0.5", 20, over(
        rate("dkimsign ed25519", f"50 KB x {many}", "dkimsign-ed25519"),
        rate("dkimsign ed25519", f"50 KB x {many}", "dkimsign-0.5-ed25519")))
    # With many sessions all cores are busy, and openssl's are then as well.
    cores = len(os.sched_getaffinity(0))
    target("dkimsign RSA, 2 KB x 1: CPU / openssl", 1.15,
           in_turns(rows, sign_cpu("sign x 1", "rsa_sign", 1)), True)
    target("dkimsign RSA, 2 KB x 100: CPU / openssl", 1.15,
           in_turns(rows, sign_cpu("sign x 100", "rsa_sign_all", cores)),
           True)
    target("dkimsign RSA, 2 KB: two workers / one", 1.7, in_turns(
        rows, lambda at: over(at("workers", "2-workers"),
                              at("workers", "1-workers"))))
    for kind in ("rsa", "ed25519"):
        target(f"dkimsign {kind}, 1 MB: rate / 0.5", 20, over(
            rate(f"dkimsign {kind}", "1 MB x 1", f"dkimsign-{kind}"),
            rate(f"dkimsign {kind}", "1 MB x 1", f"dkimsign-0.5-{kind}")))
    target("dkimverify RSA cached, 2 KB: rate / openssl checks", 0.25, in_turns(
        rows, lambda at: over(at("verify x 100", "dkimverify"),
                              at("rsa_verify", "openssl"))))
    for n, per_second, on in ((1, "rsa_verify", 1),
                              (100, "rsa_verify_all", cores)):
        target(f"dkimverify RSA cached, 2 KB x {n}: CPU / (openssl + echo)",
               1.5, in_turns(rows, verify_cpu(f"verify x {n}", per_second,
                                              on)), True)
    target("dkimverify, 1 MB: bytes / SHA-256", 0.25, over(
        rate("dkimverify", "RSA, 1 MB x 1", "dkimverify", "mb_s"),
        in_turns(rows, lambda at: at("sha256_mb", "openssl"))))
    target("rspamd, 2 KB: CPU / Go filter", 0.5, over(
        rate("rspamd", f"2 KB x {many}", "rspamd", "cpu_us_msg"),
        rate("rspamd", f"2 KB x {many}", "rspamd-go", "cpu_us_msg")), True)
    target("rspamd, 1 MB: rate / Go filter", 15, over(
        rate("rspamd", "1 MB x 1", "rspamd"),
        rate("rspamd", "1 MB x 1", "rspamd-go")))
    for n in (100, 1000):
        p99 = rate("rspamd", f"20 ms replies, 2 KB x {n}", "rspamd",
                   "lat_p99_us")
        target(f"rspamd, 20 ms replies, {n} sessions: added p99 ms", 5,
               None if p99 is None else p99 / 1000 - 20, True)
    target("engine alone, 2 KB: dot to commit / echo", 3, over(
        rate("alone", "2 KB", "engine", "done_p50_us"),
        rate("alone", "2 KB", "echo", "done_p50_us")), True)
    for program in ("engine", "rspamd", "dkimsign-ed25519", "dkimverify"):
        kb = get("memory", "1000 sessions, 1 MB each", program, "rss_kb")
        target(f"{program}, 1000 sessions of 1 MB: MiB", 100,
               None if kb is None else kb / 1024, True)
        kb = get("memory", "5000 idle sessions", program, "idle_rss_kb")
        target(f"{program}, 5000 idle sessions: MiB", 25,
               None if kb is None else kb / 1024, True)
    target("real smtpd, 20 MB through the engine: time / echo", 1.1, over(
        get("smtpd", "20 MB", "engine", "seconds"),
        get("smtpd", "20 MB", "echo", "seconds")), True)
    bends = [bend for *_, bend in growth_factors(rows) if bend is not None]
    target("growth, worst bend (1 linear, 4 quadratic)", 2,
           max(bends) if bends else None, True)
    table("Targets", ["what", "needed", "reached", ""], result)
    return result


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="ascii") as info:
            for line in info:
                if line.startswith("model name"):
                    model = line.split(":")[1].strip()
    except OSError:
        pass
    return f"{model}, {len(os.sched_getaffinity(0))} cores, " \
        f"Linux {platform.release()}"


def versions():
    text = [f"{package} {measure.version(package)}" for package in
            ("opensmtpd-filter-rspamd", "opensmtpd-filter-dkimsign",
             "libopendkim11", "openssl", "gcc")]
    commit = subprocess.run(["git", "-C", TOP, "describe", "--always",
                             "--dirty"], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.DEVNULL, check=False).stdout
    return ", ".join(text + ["tree " + (commit.strip() or "unknown")])


def write_tsv(path, rows, seconds):
    keys = []
    for row in rows.all:
        keys += [k for k, v in row[3].items()
                 if isinstance(v, float) and k not in keys]
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"# date {time.strftime('%Y-%m-%d %H:%M:%S %z')}\n"
                  f"# machine {machine()}\n# versions {versions()}\n"
                  f"# {'quick' if QUICK else 'full'} run of {seconds:.0f} s\n")
        out.write("\t".join(["group", "case", "program"] + keys) + "\n")
        for group, case, program, result in rows.all:
            out.write("\t".join([group, case, program] + [
                f"{result[k]:.10g}" if k in result else "" for k in keys])
                + "\n")


def write_svg(path, rows):
    """Rates of our programs over those of their peers, by gnuplot."""
    if shutil.which("gnuplot") is None:
        note("skipped: no SVG, gnuplot is not installed")
        return
    data = []
    for group, case, program, ours in rows.all:
        peer = rows.by.get((group, case, PEERS.get(program, "")))
        if peer and group not in OTHER:
            data.append((f"{program}, {case}", ours["msg_s"] / peer["msg_s"]))
    if not data:
        return
    name = path[:-4] + ".dat"
    with open(name, "w", encoding="ascii") as out:
        for label, value in data:
            out.write(f'"{label}"\t{value:.4g}\n')
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "ratios.gp")
    run = subprocess.run(
        ["gnuplot", "-e", f"data='{name}'; out='{path}'; "
         f"rows={len(data)}; when='{time.strftime('%Y-%m-%d')}'; "
         f"machine='{machine()}'", script], check=False)
    os.unlink(name)
    if run.returncode != 0:
        measure.faults.append("gnuplot failed")


def write(rows, skipped, seconds, whole):
    rows = Rows(rows)
    ratio_tables(rows)
    growth_table(rows)
    targets(rows)
    for why in skipped:
        print(f"# SKIP {why}")
    for why in measure.peer_faults:
        print("# peer without a row: " + why.splitlines()[0])
    if QUICK or not whole:
        folder, name = os.path.join(TOP, "tests/log"), "bench"
    else:
        folder = os.path.join(TOP, "tests/bench/results")
        name = time.strftime("%Y-%m-%d")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    write_tsv(path + ".tsv", rows, seconds)
    with open(path + ".md", "w", encoding="utf-8") as out:
        out.write(f"# {time.strftime('%Y-%m-%d')}, {machine()}\n\n"
                  f"{versions()}\n")
        out.writelines(tables)
    write_svg(path + ".svg", rows)
    print(f"\n{seconds:.0f} s; numbers are in "
          f"{os.path.relpath(path, TOP)}.tsv")
