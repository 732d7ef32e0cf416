"""Messages: as written (lines end in LF), on the wire, and as delivered."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import check

DATE = "Sun, 22 Nov 2026 12:00:00 +0000"
FIELD = re.compile(rb"[!-9;-~]+[ \t]*:.*\n(?:[ \t].*\n)*")


def message(subject: str | None = "Hello", *fields: str,
            body: bytes = b"Hello.\n", number: int = 1) -> bytes:
    """A complete message: smtpd has no reason to add anything."""
    lines = ["From: Sender <sender@example.net>",
             "To: User <user@example.org>"]
    if subject is not None:
        lines.append(f"Subject: {subject}")
    lines += [f"Date: {DATE}", f"Message-ID: <{number}@client.example>",
              *fields]
    head = "".join(line + "\n" for line in lines)
    return head.encode("utf-8", "surrogateescape") + b"\n" + body


def wire(msg: bytes) -> bytes:
    """The message as a client sends it: dots stuffed, with the final dot."""
    body = b"\r\n".join(msg.removesuffix(b"\n").split(b"\n"))
    stuffed = re.sub(rb"(^|\n)\.", rb"\1..", body)
    return stuffed + b"\r\n.\r\n"


def split(msg: bytes) -> tuple[bytes, bytes]:
    """Header and body; the empty line between them is in neither."""
    head, _, body = msg.partition(b"\n\n")
    return head + b"\n", body


def fields(msg: bytes) -> list[bytes]:
    """The raw header fields, each with its folds and last line end."""
    head, _ = split(msg)
    found = FIELD.findall(head)
    check.equal("header made of fields only", b"".join(found), head)
    return found


def name(field: bytes) -> str:
    return field.split(b":")[0].strip().decode("ascii").lower()


def values(msg: bytes, wanted: str) -> list[str]:
    """The unfolded values of all fields with that name."""
    return [re.sub(r"\s+", " ", f.partition(b":")[2].decode(
                errors="replace")).strip()
            for f in fields(msg) if name(f) == wanted.lower()]


@dataclass(frozen=True)
class Delivered:
    """A message in a mailbox, taken apart."""
    sender: str
    rcpt: str
    above: bytes            # fields above smtpd's own Received
    received: bytes
    message: bytes          # what follows it

    @property
    def number(self) -> int:
        """The number given to mail.message()."""
        found = re.search(rb"^Message-ID: <(\d+)@", self.message, re.M)
        if not found:
            raise AssertionError("delivered message lost its Message-ID")
        return int(found[1])


# A bounce has no Return-Path.
MAILBOX = re.compile(rb"(?:Return-Path: <(.*)>\n)?Delivered-To: (.*)\n", re.M)
RECEIVED = re.compile(rb"Received: from .*\n[ \t]*by \S+ \(OpenSMTPD\).*\n"
                      rb"(?:[ \t].*\n)+")


def parse(raw: bytes) -> Delivered:
    """Takes off what smtpd and the delivery put on top."""
    top = MAILBOX.match(raw)
    if not top:
        raise AssertionError(f"no delivery fields: {check.show(raw[:200])}")
    rest = raw[top.end():]
    received = RECEIVED.search(rest)
    if not received:
        raise AssertionError(f"smtpd's Received: {check.show(rest[:200])}")
    return Delivered((top[1] or b"").decode(errors="replace"), top[2].decode(),
                     rest[:received.start()], received[0],
                     rest[received.end():])


def read(path: Path) -> Delivered:
    return parse(path.read_bytes())


def match_fields(what: str, got: list[bytes], want: list[str]) -> None:
    if len(got) != len(want):
        raise AssertionError(f"{what}: expected {want}, got {got}")
    for field, pattern in zip(got, want):
        check.matches(what, field, rb"\A" + pattern.encode() + rb"\n\Z")


def same_message(got: Delivered, sent: bytes, top: list[str] = [],
                 bottom: list[str] = []) -> None:
    """The message as sent, with fields above and below its own header.

    The lists hold patterns of raw fields, without the last line end. Those
    at the bottom may come in any order: rspamd 3.4 does not fix one.
    """
    check.equal("above smtpd's own Received", got.above, b"")
    all_fields = fields(got.message)
    _, body = split(got.message)
    kept = len(all_fields) - len(bottom)
    match_fields("fields added on top", all_fields[:len(top)], top)
    match_fields("fields added at the end", sorted(all_fields[kept:]),
                 sorted(bottom))
    inner = b"".join(all_fields[len(top):kept])
    check.same_bytes("delivered message", inner + b"\n" + body, sent)
