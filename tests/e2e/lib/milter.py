"""rspamd's own milter: what it tells an MTA, and what an MTA makes of it.

The milter protocol (version 6) as sendmail's libmilter documents it.
"""

import socket
import struct
from dataclasses import dataclass

from . import mail

OPTIONS = struct.pack(">III", 6, 0x1ff, 0x1fffff)
LAST = "yadtr"                  # actions that end the conversation


@dataclass(frozen=True)
class Action:
    code: str
    index: int = 0
    name: str = ""
    text: str = ""


@dataclass
class Outcome:
    """A message as an MTA would hand it on."""
    fields: list[tuple[str, str]]
    body: bytes
    reply: str = ""             # a refusal; empty: accepted
    held: bool = False          # quarantine
    dropped: bool = False       # discard


def text(*values: str) -> bytes:
    return b"".join(v.encode("utf-8", "surrogateescape") + b"\0"
                    for v in values)


def parse(packet: bytes) -> Action:
    code, data = chr(packet[0]), packet[1:]
    index = 0
    if code in "im":
        index, data = struct.unpack(">I", data[:4])[0], data[4:]
    if code not in "him":
        return Action(code, text=data.rstrip(b"\0").decode())
    name, value = data.split(b"\0")[:2]
    return Action(code, index, name.decode(), value.decode())


class Milter:
    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.sock.makefile("rb")

    def send(self, code: str, data: bytes = b"") -> None:
        self.sock.sendall(struct.pack(">I", len(data) + 1) + code.encode()
                          + data)

    def read(self) -> bytes:
        size, = struct.unpack(">I", self.file.read(4))
        return self.file.read(size)

    def envelope(self, address: str, sender: str, rcpt: str) -> None:
        self.send("O", OPTIONS)
        self.read()
        self.send("C", text("client.example.net") + b"4"
                  + struct.pack(">H", 1234) + text(address))
        self.send("H", text("client.example"))
        self.send("D", b"M" + text("i", "4f3c2b1a", "{daemon_name}",
                                   "mx.example.org"))
        self.send("M", text(f"<{sender}>"))
        self.send("R", text(f"<{rcpt}>"))
        self.send("T")

    def message(self, msg: bytes) -> list[Action]:
        """Sends a message; returns the actions asked for."""
        for raw in mail.fields(msg):
            name, _, value = raw.rstrip(b"\n").partition(b":")
            self.send("L", name.rstrip() + b"\0" + value.lstrip() + b"\0")
        self.send("N")
        self.send("B", mail.split(msg)[1].replace(b"\n", b"\r\n"))
        self.send("E")
        actions = [parse(self.read())]
        while actions[-1].code not in LAST:
            actions.append(parse(self.read()))
        self.sock.close()
        return actions


def ask(port: int, msg: bytes, address: str, sender: str,
        rcpt: str) -> list[Action]:
    milter = Milter(port)
    milter.envelope(address, sender, rcpt)
    return milter.message(msg)


def plain(value: str) -> str:
    return " ".join(value.split())


def pairs(msg: bytes) -> list[tuple[str, str]]:
    """Names and unfolded values of all fields."""
    found = []
    for raw in mail.fields(msg):
        name, _, value = raw.decode("utf-8", "replace").partition(":")
        found.append((name.rstrip(), plain(value)))
    return found


def change(fields: list[tuple[str, str]], action: Action) -> None:
    """The index-th field of that name: replaced, or deleted if empty."""
    places = [i for i, (name, _) in enumerate(fields)
              if name.lower() == action.name.lower()]
    new = (action.name, plain(action.text))
    if action.index > len(places):
        if action.text:
            fields.append(new)
    elif action.text:
        fields[places[action.index - 1]] = new
    else:
        del fields[places[action.index - 1]]


def apply(msg: bytes, actions: list[Action], own: int) -> Outcome:
    """What an MTA does that put own fields of its own on top.

    These take part in positions, but are no part of the result's fields
    unless something was put above them.
    """
    top = [("own", "")] * own
    fields = pairs(msg)
    out = Outcome(fields, mail.split(msg)[1])
    for action in actions:
        new = (action.name, plain(action.text))
        match action.code:
            case "h":
                fields.append(new)
            case "i":
                whole = top + fields
                whole.insert(action.index, new)
                top = whole[:whole.index(("own", "")) + 1] if own else []
                fields[:] = whole[len(top):]
            case "m":
                change(fields, action)
            case "b":
                out.body = action.text.replace("\r\n", "\n").encode()
            case "q":
                out.held = True
            case "d":
                out.dropped = True
            case "y":
                out.reply = action.text
    out.fields = [f for f in top if f[0] != "own"] + fields
    return out
