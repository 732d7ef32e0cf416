#!/usr/bin/python3
"""Replays every recorded reply of rspamd; prints TAP.

Each reply goes through verdict and apply alone (tests/bin/apply-reply), and
over HTTP through filter-rspamd on a pipe. The message that comes out is
compared with what rspamd's own milter would have made of it: for the cases of
milter-actions.txt by the actions in that file, for the recorded replies by a
model of the milter (milter.py), which is itself compared with that file.
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import milter
import recorded
from milter import Action, Header
from pipe import Filter
from server import Server

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 300
LINE_MAX = 998
OPTIONS = ["--score-headers", "never", "--discard", "reject",
           "--quarantine", "mark"]
BASE = [("From", "Alice <alice@example.org>"), ("To", "Bob <bob@example.net>"),
        ("X-A", "1"), ("x-a", "2"), ("X-A", "3"), ("Subject", "Lunch"),
        ("Date", "Sat, 22 Nov 2025 10:00:00 +0000"),
        ("Message-ID", "<1@example.org>")]
BODY = b"Hello Bob\n"
# Cases of milter-actions.txt where we do better on purpose: the actions of
# the model's version "ours" stand in their place.
OURS = {
    "remove_headers X-A [1, 3] of 3": "rspamd 3.4 does not know arrays",
    "add_headers array of strings": "the milter forgets them",
    "add_headers mixed array": "the milter forgets the string",
    "ARC": "the order of the set is not left to chance",
    "spam_header object": "the order of a table in rspamd is arbitrary",
}
# What the log says of rspamd, see check_outage().
OUTAGE = {
    "-q": ["fails: HTTP 500", "works again after N s"],
    "-v": ["fails: HTTP 500", "outcome=error: HTTP 500",
           "works again after N s", "outcome=answered"],
}


# --- what is expected -------------------------------------------------------

@dataclass
class Outcome:
    """The reply to the client, empty if the message passed; the message."""
    reply: str
    message: bytes = b""


def clean(text: str) -> str:
    """A reply of rspamd as one line of ASCII."""
    flat = re.sub(r"[\r\n\t]+", " ", text).encode()
    return re.sub(rb"[^ -~]", b"?", flat).decode()


def expected(actions: list[Action], message: bytes) -> Outcome:
    """What an MTA makes of the message; discard and quarantine as OPTIONS."""
    last = actions[-1]
    if last.word == "REPLYCODE":
        return Outcome(clean(last.value or ""))
    if last.word == "DISCARD":
        return Outcome("554 5.7.1 " + milter.REJECT_TEXT)
    fields, rest = milter.split(message)
    header = Header(list(milter.TOP), fields)
    header.carry_out(actions)
    for a in actions:
        if a.word == "QUARANTINE":
            header.fields.append(b"X-Rspamd-Action: quarantine")
            header.fields.append(b"X-Spam: Yes")
        if a.word == "REPLBODY" and a.value is not None:
            rest = b"\n" + a.value.replace("\r\n", "\n").encode()
    return Outcome("", header.text() + rest)


def long_lines(message: bytes) -> set[bytes]:
    return {line for line in message.split(b"\n") if len(line) > LINE_MAX}


def compare(got: Outcome, want: Outcome, message: bytes) -> None:
    """Byte for byte, but for new lines that are too long: they are folded."""
    if got.reply != want.reply:
        raise AssertionError(f"replied {got.reply!r}, want {want.reply!r}")
    if got.message == want.message:
        return
    old = long_lines(message)
    if long_lines(want.message) > old >= long_lines(got.message) and \
            b"".join(got.message.split()) == b"".join(want.message.split()):
        return
    raise AssertionError("got\n%s\nwant\n%s" % (
        got.message.decode("utf-8", "replace"),
        want.message.decode("utf-8", "replace")))


# --- two ways through our code ----------------------------------------------

class Direct:
    """verdict and apply alone."""

    name = "verdict and apply"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, status: int, offset: str, reply: bytes,
            message: bytes) -> Outcome:
        header, gap, body = (message.partition(b"\n\n"))
        if gap:
            header, body = header + b"\n", b"\n" + body
        top = b"".join(f + b"\n" for f in milter.TOP)
        (self.folder / "reply").write_bytes(reply)
        (self.folder / "header").write_bytes(top + header)
        done = subprocess.run(
            [ROOT / "tests/bin/apply-reply", str(status), offset,
             self.folder / "reply", self.folder / "header"],
            stdout=subprocess.PIPE, check=True)
        word, _, rest = done.stdout.partition(
            b"\n" if done.stdout.startswith(b"accept") else b" ")
        if word == b"error":
            return Outcome("451")
        if word == b"refuse":
            return Outcome(rest.decode())
        if offset:
            return Outcome("", rest.replace(b"\r\n", b"\n"))
        return Outcome("", rest + body)


class Whole:
    """filter-rspamd, asking over HTTP."""

    name = "filter-rspamd"

    def __init__(self, folder: Path, *options: str) -> None:
        self.server = Server()
        self.log = folder / "-".join(["log", *options])
        self.filter = Filter(ROOT / "filter-rspamd/filter-rspamd",
                             "--url", self.server.url, *OPTIONS, *options,
                             log=self.log.open("wb"))

    def run(self, status: int, offset: str, reply: bytes,
            message: bytes) -> Outcome:
        head = [f"HTTP/1.1 {status} Recorded",
                f"Content-Length: {len(reply)}"]
        head += [f"Message-Offset: {offset}"] if offset else []
        wire = "\r\n".join(head).encode() + b"\r\n\r\n" + reply
        return self.send(wire if status else b"", message)

    def send(self, wire: bytes, message: bytes) -> Outcome:
        self.server.reply = wire
        top = b"".join(f + b"\n" for f in milter.TOP)
        answer, back = self.filter.message(
            (top + message).removesuffix(b"\n").split(b"\n"))
        if answer == b"proceed":
            return Outcome("", b"".join(line + b"\n" for line in back))
        reply = answer.decode().removeprefix("reject|")
        return Outcome(reply)


# --- the cases --------------------------------------------------------------

def given(case: milter.Case, name: str, default: str = "") -> str:
    return next((v for k, v in case.given if k == name), default)


def case_fields(case: milter.Case) -> list[tuple[str, str]]:
    base = BASE
    if case.title == "rewrite subject, none there":
        base = [f for f in BASE if f[0] != "Subject"]
    return base + case.given


def case_reply(case: milter.Case) -> dict[str, Any]:
    """The reply that made rspamd's milter say what it says."""
    if case.title == "GTUBE":
        return {"action": "reject", "is_skipped": True,
                "messages": {"smtp_message": "Gtube pattern"}}
    action = given(case, "X-Test-Action", "no action")
    block = json.loads(given(case, "X-Test-Milter", "{}"))
    block.setdefault("remove_headers", {})["X-Spam"] = 0
    reply: dict[str, Any] = {"action": action, "milter": block,
                             "messages": {}}
    if action == "test discard":
        reply["reject"] = "discard"
    if text := given(case, "X-Test-Text"):
        reply["messages"]["smtp_message"] = text.replace("\\n", "\n")
    if action == "rewrite subject":
        old = dict(case_fields(case)[::-1]).get("Subject", "")
        reply["subject"] = "[SPAM 0.00] " + old
    # Signatures and seals differ each time: their values are the file's.
    made = [a for a in case.actions if a.word == "INSHEADER"]
    if case.title.startswith("DKIM"):
        values = [a.value for a in made]
        reply["dkim-signature"] = values if len(values) > 1 else values[0]
    if case.title == "ARC":
        block["add_headers"] = {a.name: {"order": a.at, "value": a.value}
                                for a in made}
    return reply


def case_body(case: milter.Case) -> bytes | None:
    new = given(case, "X-Test-Body")
    return new.encode() + b"\r\n" if new else None


def check_model(case: milter.Case, version: str) -> None:
    """The model says what the milter said."""
    fields = [name for name, _ in case_fields(case)]
    said = [str(a) for a in milter.say(case_reply(case), case_body(case),
                                       fields, version)]
    real = [str(a) for a in case.actions]
    if case.title == "spam_header object":
        said, real = sorted(said), sorted(real)
    if said != real:
        raise AssertionError(f"said {said}\nwant {real}")


def check_case(case: milter.Case, way: Direct | Whole) -> None:
    """The message becomes what the milter's actions make of it."""
    fields = case_fields(case)
    message = "".join(f"{k}: {v}\n" for k, v in fields).encode() + \
        b"\n" + BODY
    reply, body = case_reply(case), case_body(case)
    actions = case.actions
    if case.title in OURS:
        actions = milter.say(reply, body, [k for k, _ in fields], "ours")
    wire = json.dumps(reply).encode()
    offset = "" if body is None else str(len(wire))
    compare(way.run(200, offset, wire + (body or b""), message),
            expected(actions, message), message)


def recorded_outcome(r: recorded.Recorded) -> Outcome:
    """By the model, or the policy if the reply is no verdict."""
    offset = r.value("Message-Offset")
    end = int(offset) if offset else len(r.body)
    try:
        reply = milter.loads(r.body[:end])
        if r.status != 200 or not isinstance(reply["action"], str):
            return Outcome("451")
    except (ValueError, KeyError, TypeError):
        return Outcome("451")
    fields, _ = milter.split(r.message)
    actions = milter.say(reply, r.body[end:] if offset else None,
                         milter.names(fields), "ours")
    return expected(actions, r.message)


def check_recorded(r: recorded.Recorded, way: Direct | Whole) -> None:
    want = recorded_outcome(r)
    if isinstance(way, Whole):
        got = way.send(r.reply(), r.message)
    else:
        got = way.run(r.status, r.value("Message-Offset"), r.body, r.message)
    if want.reply == "451":
        # No verdict: the policy, whose words are not rspamd's.
        got.reply = got.reply[:3]
    compare(got, want, r.message)


def check_policy(r: recorded.Recorded, policy: str, way: Whole) -> None:
    """No verdict: the message passes with a mark, or gets 451."""
    got = way.send(r.reply(), r.message)
    if policy == "tempfail":
        got.reply, want = got.reply[:9], Outcome("451 4.7.1")
    else:
        fields, rest = milter.split(r.message)
        fields.append(b"X-Rspamd-Action: none")
        if policy == "junk":
            fields.append(b"X-Spam: Yes")
        want = Outcome("", Header(milter.TOP, fields).text() + rest)
    compare(got, want, r.message)


def cases() -> list[tuple[str, milter.Case]]:
    """The version of rspamd, and the case."""
    found = []
    for version, folder in [("3.4", "."), ("4.1", "v4.1")]:
        text = (recorded.FOLDER / folder / "milter-actions.txt").read_text()
        found += [(version, case) for case in milter.read_cases(text)]
    return found


def report(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except (AssertionError, ValueError, KeyError) as e:
        print(f"not ok - {name}")
        for line in str(e).splitlines() or [repr(e)]:
            print(f"# {line}")
        return False
    print(f"ok - {name}")
    return True


def run_cases(ways: list[Direct | Whole]) -> bool:
    good = True
    for version, case in cases():
        good &= report(f"model of rspamd {version}: {case.title}",
                       lambda: check_model(case, version))
        for way in ways:
            good &= report(
                f"{way.name}: as the milter of {version}: {case.title}",
                lambda: check_case(case, way))
    for r in recorded.all_recorded():
        for way in ways:
            good &= report(f"{way.name}: {r.name}",
                           lambda: check_recorded(r, way))
    return good


def run_policy(policy: str, way: Whole) -> bool:
    return all([report(f"policy {policy}: {r.name}",
                       lambda: check_policy(r, policy, way))
                for r in recorded.all_recorded()
                if recorded_outcome(r).reply == "451"])


def check_end(way: Whole) -> None:
    """It ends by itself at the end of its input."""
    if (status := way.filter.end()) != 0:
        raise AssertionError(f"status {status}\n"
                             + way.log.read_text(errors="replace"))


def check_outage(option: str, want: list[str], folder: Path) -> None:
    """What the log says of rspamd: no verdict twice, then one twice."""
    way = Whole(folder, option)
    for status, reply in [(500, b""), (500, b""),
                          (200, b'{"action":"no action"}'),
                          (200, b'{"action":"no action"}')]:
        way.run(status, "", reply, b"A: b\n\nx\n")
    check_end(way)
    host = way.server.url.removeprefix("http://")
    said = [re.sub(r"\d+ s$", "N s", line.removeprefix(f"rspamd {host} "))
            for line in way.log.read_text().splitlines()
            if line.startswith("rspamd ")]
    if said != want:
        raise AssertionError(f"said {said}\nwant {want}")


def main() -> int:
    signal.alarm(LIMIT_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        whole = Whole(Path(folder))
        good = run_cases([Direct(Path(folder)), whole])
        good &= report("the filter ends well", lambda: check_end(whole))
        for policy in ("tempfail", "accept", "junk"):
            whole = Whole(Path(folder), "--on-error", policy)
            good &= run_policy(policy, whole)
            good &= report(f"the filter ends well, policy {policy}",
                           lambda: check_end(whole))
        for option, want in OUTAGE.items():
            good &= report(f"{option}: the log of an outage",
                           lambda: check_outage(option, want, Path(folder)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
