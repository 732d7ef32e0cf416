#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Each defect of a filter must be found by the synthetic smtpd.

Without arguments: runs it against a filter with each defect, prints TAP.
With a defect as argument: is that filter.
"""
import os
import signal
import subprocess
import sys

SMTPD = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "../bin/bench-smtpd")

# defect: (options of smtpd, what it must say)
CASES = {
    "none": ([], None),
    "word": ([], "unknown message type"),
    "empty-line": ([], "unknown message type"),
    "upper": ([], "unknown decision"),
    "cr": ([], "unknown decision"),
    "no-hex": ([], "bad session or token"),
    "few-fields": ([], "bad session or token"),
    "wrong-token": ([], "token of another request"),
    "wrong-line-token": ([], "data-line with a wrong token"),
    "other-session": ([], "no session had this id"),
    "twice": (["--idle", "1"], "no such request is open"),
    "twice-at-end": ([], "result for a session that has ended"),
    "silent": (["--timeout", "1"], "no answer for 1 s"),
    "no-dot": (["--timeout", "1"], "no answer for 1 s"),
    "early-dot": (["--size", "2000000"], "dot before the client's dot"),
    "two-dots": ([], "data-line outside the data phase"),
    "result-in-data": ([], "result in the data phase"),
    "junk-at-commit": ([], "not in this phase"),
    "rewrite-at-commit": ([], "not in this phase"),
    "reject-250": ([], "bad reply text"),
    "reject-empty": ([], "bad reply text"),
    "reject-long": ([], "bad reply text"),
    "reject": ([], "verdict permfail, not accept"),
    "lost-line": ([], "line is not the message's"),
    "lost-last-line": ([], "message accepted, but not whole"),
    "changed-line": ([], "line is not the message's"),
    "swapped-lines": ([], "line is not the message's"),
    "repeated-line": ([], "line is not the message's"),
    "line-of-other": (["--sessions", "5"], "line is not the message's"),
    "field-on-top": ([], None),
    "field-below": ([], "line is not the message's"),
    "text-on-top": ([], "line is not the message's"),
    "field-exact": (["--expect", "exact"], "line is not the message's"),
    "unstuffed": (["--size", "2000000"], "dot before the client's dot"),
    "cr-at-end": ([], "line is not the message's"),
    "long-07": (["--lines", "65484", "--size", "200000"], None),
    "long-plus": (["--lines", "65486", "--size", "200000"],
                  "line longer than 65535"),
    "long-06": (["--lines", "1998", "--size", "20000", "--protocol", "0.6"],
                "line longer than 2047"),
    "unknown-phase": ([], "unknown phase registered"),
    "unknown-event": ([], "unknown event registered"),
    "no-registration": ([], "not a registration"),
    "never-ready": (["--timeout", "1"], "no register|ready"),
    "exit-0": ([], "filter exited with status 0"),
    "killed": ([], "filter died of signal 9"),
    "stays": ([], "filter does not end with its input"),
    "ends-badly": ([], "filter ended with status 3"),
    "deaf": (["--timeout", "1", "--size", "5000000"], "does not read"),
    "stderr-control": ([], "control character on stderr"),
    "stderr-endless": ([], "stderr line too long"),
    "leaks-fds": (["--counters", "/dev/null", "--timeout", "1"],
                  "descriptors at the end"),
    "no-counters": (["--counters", "/dev/null", "--timeout", "1"],
                    "no counters"),
}

RESULTS = {
    "word": "filter-reslt|{s}|{t}|proceed",
    "empty-line": "",
    "upper": "filter-result|{s}|{t}|PROCEED",
    "cr": "filter-result|{s}|{t}|proceed\r",
    "no-hex": "filter-result|{s}|x{t}|proceed",
    "few-fields": "filter-result|{s}",
    "wrong-token": "filter-result|{s}|1234567890abcdef|proceed",
    "other-session": "filter-result|1234567890abcdef|{t}|proceed",
    "twice": "filter-result|{s}|{t}|proceed\nfilter-result|{s}|{t}|proceed",
    "twice-at-end":
        "filter-result|{s}|{t}|proceed\nfilter-result|{s}|{t}|proceed",
    "silent": None,
    "junk-at-commit": "filter-result|{s}|{t}|junk",
    "rewrite-at-commit": "filter-result|{s}|{t}|rewrite|x",
    "reject-250": "filter-result|{s}|{t}|reject|250 ok",
    "reject-empty": "filter-result|{s}|{t}|reject|",
    "reject-long": "filter-result|{s}|{t}|reject|550 " + 600 * "x",
    "reject": "filter-result|{s}|{t}|reject|550 5.7.1 no",
}


def say(text):
    os.write(1, (text + "\n").encode("latin-1"))


def register(defect):
    extra = {"unknown-phase": "register|filter|smtp-in|body",
             "unknown-event": "register|report|smtp-in|link-frob",
             "no-registration": "hello"}.get(defect)
    if extra:
        say(extra)
    if defect == "twice":
        say("register|filter|smtp-in|ehlo")
    say("register|filter|smtp-in|data-line")
    say("register|filter|smtp-in|commit")
    if defect != "never-ready":
        say("register|ready")


def lines_of(defect, number, line, last):
    """What goes back for one line of the message."""
    if defect == "lost-line" and number == 12:
        return []
    if defect == "changed-line" and number == 12:
        return [line[:-1] + "#"]
    if defect == "cr-at-end" and number == 12:
        return [line + "\r"]
    if defect == "repeated-line" and number == 12:
        return [line, line]
    if defect in ("field-on-top", "field-exact") and number == 1:
        return ["X-Top: a", "\tb", line]
    if defect == "text-on-top" and number == 1:
        return ["no field", line]
    if defect == "field-below" and number == 3:
        return ["X-Below: a", line]
    if defect == "early-dot" and number == 3:
        return ["."]
    if defect == "unstuffed" and number == 7:
        return ["."]
    if defect == "lost-last-line" and line == ".":
        return [line]
    if defect == "lost-last-line":
        return [last] if last is not None else []
    if defect == "two-dots" and line == ".":
        return [".", "."]
    if defect == "no-dot" and line == ".":
        return []
    return [line]


def data_line(defect, state, sid, token, line):
    count = state.get(sid, 0) + 1
    state[sid] = count
    last = state.get((sid, "last"))
    state[(sid, "last")] = line
    if defect == "wrong-line-token":
        token = "1234567890abcdef"
    if defect == "result-in-data" and count == 5:
        say(f"filter-result|{sid}|{token}|proceed")
    if defect == "swapped-lines" and count in (12, 13):
        if count == 13:
            for one in (line, last):
                say(f"filter-dataline|{sid}|{token}|{one}")
        return
    if defect == "line-of-other" and count == 9:
        state.setdefault("others", []).append(sid)
        sid = state["others"][-1 if len(state["others"]) < 2 else 0]
    if defect == "deaf" and count == 5:
        import time
        time.sleep(20)
    for one in lines_of(defect, count, line, last):
        say(f"filter-dataline|{sid}|{token}|{one}")


def be_filter(defect):
    state = {"leaked": []}
    if defect == "no-counters":
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    for raw in sys.stdin.buffer:
        line = raw.decode("latin-1").rstrip("\n")
        if line == "config|ready":
            register(defect)
        if not line.startswith("filter|"):
            continue
        _, _, _, _, phase, sid, token, param = line.split("|", 7)
        if defect == "exit-0":
            sys.exit(0)
        if defect == "killed":
            os.kill(os.getpid(), 9)
        if phase == "data-line":
            data_line(defect, state, sid, token, param)
            continue
        if defect == "leaks-fds":
            state["leaked"] += [os.dup(0) for _ in range(3)]
        if defect == "stderr-control":
            os.write(2, b"a\033[1mb\n")
        if defect == "stderr-endless":
            os.write(2, 70000 * b"x")
        answer = RESULTS.get(defect, "filter-result|{s}|{t}|proceed")
        if answer is not None:
            say(answer.format(s=sid, t=token))
    if defect == "stays":
        import time
        time.sleep(20)
    if defect == "ends-badly":
        sys.exit(3)


def run_case(defect, options, want):
    """Returns what is wrong with smtpd's judgement, or None."""
    run = subprocess.run(
        [SMTPD, "--count", "6"] + options +
        [f"/usr/bin/python3 {os.path.abspath(__file__)} {defect}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=60, errors="replace")
    if want is None:
        return None if run.returncode == 0 else run.stdout
    if want == "control character on stderr":
        return None if want in run.stdout else run.stdout
    if run.returncode == 1 and want in run.stdout:
        return None
    return f"status {run.returncode}: {run.stdout}"


def main():
    bad = 0
    for number, (defect, (options, want)) in enumerate(CASES.items(), 1):
        why = run_case(defect, options, want)
        bad += why is not None
        print(("ok" if why is None else "not ok"), number, "-",
              "bench smtpd finds", defect, flush=True)
        if why is not None:
            print("# " + why[:1500].replace("\n", "\n# "))
    print(f"1..{len(CASES)}")
    return bad != 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        be_filter(sys.argv[1])
    else:
        sys.exit(main())
