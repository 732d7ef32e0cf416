"""A model of rspamd's milter, and of an MTA that does what it is told.

say() turns a reply into milter actions in the words of milter-actions.txt, so
that the model can be held against that file; Header carries actions out. The
version "ours" is what we decided where the milter cannot be meant.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

ARC = ["ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal"]
REJECT_TEXT = "Spam message rejected"
# What the MTA put on top, and rspamd does not see.
TOP = [b"Received: from mail.example.org\n\tby mx.example.net; now"]


@dataclass(frozen=True)
class Action:
    """ADDHEADER, INSHEADER[at], CHGHEADER[at], or a word and its text."""
    word: str
    name: str = ""
    value: str | None = None
    at: int = 0

    def __str__(self) -> str:
        """The line of milter-actions.txt."""
        word = f"{self.word}[{self.at}]" if self.word[:3] in ("INS", "CHG") \
            and self.name else self.word
        if self.name:
            return f"{word:<12} {self.name}: {json.dumps(self.value)}"
        if self.value is None:
            return word
        return f"{word} {json.dumps(self.value)}"


def parse_action(line: str) -> Action:
    field = re.fullmatch(r"(ADD|INS|CHG)HEADER(?:\[(\d+)\])? +([^ ]+): (.*)",
                         line)
    if field:
        kind, at, name, value = field.groups()
        return Action(kind + "HEADER", name, json.loads(value), int(at or 0))
    word, _, value = line.partition(" ")
    return Action(word, "", json.loads(value) if value else None)


# --- what the milter says ---------------------------------------------------

def loads(data: bytes) -> Any:
    """JSON in which a byte that is not UTF-8 counts as '?'."""
    text = data.decode("utf-8", "surrogateescape")
    return json.loads(re.sub("[\udc80-\udcff]", "?", text), strict=False)


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def removals(fields: list[str], name: str) -> list[Action]:
    count = sum(f.lower() == name.lower() for f in fields)
    return [Action("CHGHEADER", name, "", n) for n in range(count, 0, -1)]


def removal(fields: list[str], name: str, number: int) -> list[Action]:
    every = removals(fields, name)
    if number == 0:
        return every
    at = number if number > 0 else len(every) + 1 + number
    return [a for a in every if a.at == at]


def from_end(order: int, count: int) -> int:
    """A negative order, so that -order - 1 of count fields stay below it."""
    return count + 2 + order if -order <= count else 0


def addition(fields: list[str], name: str, value: Any,
             version: str) -> list[Action]:
    if isinstance(value, str):
        return [Action("ADDHEADER", name, value)]
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        return []
    order = value.get("order", value.get("index"))
    if not is_int(order) or order == -1:
        return [Action("ADDHEADER", name, value["value"])]
    if order < -1 and version != "ours":
        order = from_end(order, len(fields))
    return [Action("INSHEADER", name, value["value"], order)]


def header_actions(block: dict[str, Any], fields: list[str],
                   version: str) -> list[Action]:
    found: list[Action] = []
    for name, number in block.get("remove_headers", {}).items():
        if isinstance(number, list) and version != "3.4":
            found += [a for n in number for a in removal(fields, name, n)]
        elif is_int(number):
            found += removal(fields, name, number)
    for name, value in block.get("add_headers", {}).items():
        if isinstance(value, list):
            # The milter forgets strings in arrays; we do not.
            found += [a for v in value
                      if isinstance(v, dict) or version == "ours"
                      for a in addition(fields, name, v, version)]
        else:
            found += addition(fields, name, value, version)
    return arc_together(found) if version == "ours" else found


def arc_together(actions: list[Action]) -> list[Action]:
    """An ARC set after all other fields, its seal last: so it is on top."""
    arc = [a for a in actions
           if a.word == "INSHEADER" and a.at == 1 and a.name in ARC]
    arc.sort(key=lambda a: ARC.index(a.name))
    return [a for a in actions if a not in arc] + arc


def signatures(reply: dict[str, Any]) -> list[Action]:
    values = reply.get("dkim-signature", [])
    if isinstance(values, str):
        values = [values]
    return [Action("INSHEADER", "DKIM-Signature", value, i + 1)
            for i, value in enumerate(values)]


def envelope(block: dict[str, Any]) -> list[Action]:
    found = []
    if "change_from" in block:
        found.append(Action("CHGFROM", "", block["change_from"]))
    found += [Action("ADDRCPT", "", a) for a in block.get("add_rcpt", [])]
    found += [Action("DELRCPT", "", a) for a in block.get("del_rcpt", [])]
    return found


def spam_marks(block: dict[str, Any], fields: list[str]) -> list[Action]:
    marks = block.get("spam_header")
    if isinstance(marks, str):
        return [Action("CHGHEADER", "X-Spam", marks, 1)]
    if isinstance(marks, dict):
        found = []
        for name, value in marks.items():
            found += removals(fields, name)
            found.append(Action("CHGHEADER", name, value, 1))
        return found
    return [*removals(fields, "X-Spam"),
            Action("CHGHEADER", "X-Spam", "Yes", 1)]


def verdict(reply: dict[str, Any], block: dict[str, Any],
            version: str) -> list[Action]:
    action, accept = reply["action"], Action("ACCEPT")
    text = reply.get("messages", {}).get("smtp_message")
    fate = reply.get("reject")
    if action == "reject":
        fate = block.get("reject", fate)
    if "discard" in (action, fate):
        return [Action("DISCARD")]
    if "quarantine" in (action, fate):
        default = "Spam message quarantined"
        reason = text if text and version == "4.1" else default
        return [Action("QUARANTINE", "", reason), accept]
    if action == "soft reject":
        text = "451 4.7.1 " + (text or "Try again later")
        return [Action("REPLYCODE", "", text)]
    if action == "reject":
        text = "554 5.7.1 " + (text or REJECT_TEXT)
        return [Action("REPLYCODE", "", text)]
    return [accept]


def say(reply: dict[str, Any], body: bytes | None, fields: list[str],
        version: str) -> list[Action]:
    """What the milter says to a reply; fields are the names in the message."""
    block = reply.get("milter", {})
    found = header_actions(block, fields, version) + envelope(block)
    if block.get("no_action"):
        return [*found, Action("ADDHEADER", "X-Rspamd-Action",
                               reply["action"]), Action("ACCEPT")]
    found += signatures(reply)
    if reply["action"] == "add header":
        found += spam_marks(block, fields)
    if reply["action"] == "rewrite subject":
        found.append(Action("CHGHEADER", "Subject", reply["subject"], 1))
    if body is not None:
        found.append(Action("REPLBODY", "", body.decode("utf-8")))
    return found + verdict(reply, block, version)


# --- what the MTA does ------------------------------------------------------

def split(header: bytes) -> tuple[list[bytes], bytes]:
    """The fields of a header, and what follows the last of them."""
    fields: list[bytes] = []
    rest = header
    while rest:
        line, _, after = rest.partition(b"\n")
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\n" + line
        elif re.match(rb"[!-9;-~]+[ \t]*:", line):
            fields.append(line)
        else:
            break
        rest = after
    return fields, rest


def name_of(field: bytes) -> str:
    return field.partition(b":")[0].rstrip(b" \t").decode("latin-1").lower()


def names(fields: list[bytes]) -> list[str]:
    return [name_of(f) for f in fields]


def field_of(name: str, value: str) -> bytes:
    """A field with its folds made clean."""
    lines = []
    for line in re.split(r"\r\n|\r|\n", value):
        line = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", line)
        if not line.strip(" \t"):
            continue
        if not lines:
            lines.append(line.strip(" \t"))
        else:
            lines.append(line if line[0] in " \t" else "\t" + line)
    return (name + ": " + "\n".join(lines)).encode()


@dataclass
class Header:
    """A header that actions change: what is on top, then the rest."""
    top: list[bytes]
    fields: list[bytes]

    def carry_out(self, actions: list[Action]) -> None:
        original = list(enumerate(self.fields))
        kept = list(original)
        # Numbers of removals are those of the message that was scanned.
        for a in actions:
            if a.word == "CHGHEADER" and a.value == "":
                same = [pair for pair in original
                        if name_of(pair[1]) == a.name.lower()]
                if a.at <= len(same) and same[a.at - 1] in kept:
                    kept.remove(same[a.at - 1])
        self.fields = [f for _, f in kept]
        for a in actions:
            self.change(a)

    def change(self, a: Action) -> None:
        if not a.name or a.value is None:
            return
        if a.word == "ADDHEADER":
            self.fields.append(field_of(a.name, a.value))
        elif a.word == "INSHEADER":
            self.insert(a.at, field_of(a.name, a.value))
        elif a.value != "":
            self.set_first(a.name, field_of(a.name, a.value))

    def insert(self, at: int, field: bytes) -> None:
        """At -n (of ours), so that n - 1 fields stay below."""
        if at < 0:
            at = from_end(at, len(self.fields))
        if at == 0:
            self.top.insert(0, field)
        else:
            self.fields.insert(at - 1, field)

    def set_first(self, name: str, field: bytes) -> None:
        for i, old in enumerate(self.fields):
            if name_of(old) == name.lower():
                self.fields[i] = field
                return
        self.fields.append(field)

    def text(self) -> bytes:
        return b"".join(f + b"\n" for f in self.top + self.fields)


# --- the reference ----------------------------------------------------------

@dataclass
class Case:
    """A case of milter-actions.txt."""
    title: str
    given: list[tuple[str, str]]
    actions: list[Action]


def read_cases(text: str) -> list[Case]:
    cases: list[Case] = []
    for line in text.splitlines():
        if line.startswith("## "):
            cases.append(Case(line[3:], [], []))
        elif line.startswith("   given: "):
            name, _, value = line[10:].partition(": ")
            cases[-1].given.append((name, value))
        elif line.startswith("   "):
            cases[-1].actions.append(parse_action(line[3:]))
    return cases
