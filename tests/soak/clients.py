# SPDX-License-Identifier: ISC
"""Clients that behave like the worst of the internet, each a function.

All get the storm (see storm.py) and a random number generator of their own.
What smtpd says to nonsense is its own affair; what counts is each message
whose dot was sent, see ledger.py.
"""

import random
import re
import socket
import string
from typing import Callable

from lib import mail, smtp

SENDER, RCPT = "sender@example.net", "user@example.org"
# Lines about the limits: of smtpd's command and data lines (65535 bytes), of
# what a filter may answer before 7.4 (1997) and since (65485), of RFC 5321.
LONG = [998, 999, 1990, 1997, 1998, 2047, 2048, 4096, 20000, 65480, 65485,
        65486, 65500, 65530, 65531, 65532, 65533, 65534]
TOO_LONG = [65535, 65536, 65537, 70000, 200000, 1000000]
NOISE = [b"NOOP", b"NOOP x y", b"HELP", b"VRFY <user>", b"EXPN all", b"WIZ",
         b"AUTH PLAIN AAAA", b"AUTH LOGIN", b"STARTTLS", b"BDAT 5 LAST",
         b"TURN", b"ETRN x", b"XCLIENT NAME=x", b"GET / HTTP/1.1", b"", b" ",
         b"\0", b"\0\0\0MAIL", b"\xff\xfe\xfd", b"MAIL", b"MAIL FROM",
         b"MAIL FROM:<a|b|c@x> SIZE=99999999999999999999", b"RCPT TO:<>",
         b"MAIL FROM:<x@y> BODY=9BITMIME AUTH=<> FOO", b"RCPT TO:<|sh>",
         b"EHLO", b"EHLO |a|b|c|", b"HELO [1.2.3.4]|x", b"EHLO \xc3\xa9.\xff",
         b"DATA", b"DATA x", b"RSET x", b"QUIT x", b"\r", b"\x16\x03\x01",
         b"MAIL FROM:<\x01\x02\x7f@example.net>", b"mail from:<>",
         b"RCPT TO:<\"a b|c\"@example.org>", b".", b"..", b"250 ok"]
HELLOS = [b"HELO x", b"EHLO |a|b|", b"EHLO [192.0.2.1]", b"HELO \xc3\xa9",
          b"EHLO " + b"h" * 200, b"EHLO -", b"EHLO a b c", b"HELO %s%n\t",
          b"EHLO x\rX-Injected: y", b"EHLO \xff\xfe"]
SENDERS = [b"", b"a|b@example.net", b'"x y|z"@example.net', b"@a:b@example.net",
           b"\xc3\xa9@example.net", b"\xff@example.net", b"%s%n@example.net",
           b"s" * 64 + b"@example.net", b"a@" + b"d." * 100 + b"example",
           b"s" * 240 + b"@example.net", b"x@[192.0.2.1]", b"postmaster",
           b"o'neil+tag=x@example.net", b"a@\x01example.net", b"a\r@example.net"]
WORDS = "the quick brown fox jumps over some lazy dogs at night".split()
Random = random.Random
# Ends of a connection: none of them is a fault.
GONE = (OSError, smtp.Gone, ValueError)


def body(rng: Random, size: int) -> bytes:
    lines, n = [], 0
    while n < size:
        line = " ".join(rng.choices(WORDS, k=rng.randint(1, 14)))
        if rng.random() < 0.03:
            line = "." * rng.randint(1, 3) + line
        lines.append(line)
        n += len(line) + 1
    return "".join(line + "\n" for line in lines).encode() or b"\n"


def usual(rng: Random) -> bytes:
    size = rng.choice([0, 100, 1000, 1000, 5000, 20000, 60000])
    return body(rng, size)


def plain(storm, rng: Random, kind: str, *fields: str, text: bytes | None = None,
          **how):
    """A message of this kind in the ledger."""
    content = usual(rng) if text is None else text
    return storm.ledger.add(kind, lambda n: mail.message(
        kind, *fields, body=content, number=n), **how)


def to_data(client: smtp.Client, rcpts: list[str] = [RCPT]) -> bool:
    client.ehlo()
    client.envelope(SENDER, rcpts)
    return client.cmd("DATA").code == 354


def result(storm, number: int, client: smtp.Client) -> int:
    """Reads the reply to the dot."""
    storm.ledger.sent[number].state = "maybe"
    reply = client.read()
    storm.ledger.told(number, reply.code, str(reply))
    return reply.code


def deliver(storm, client: smtp.Client, number: int, data: bytes) -> int:
    """Sends a message whole, as DATA is open."""
    storm.ledger.sent[number].state = "maybe"
    client.write(data)
    return result(storm, number, client)


def close(client: smtp.Client, rng: Random) -> None:
    """By FIN or RST."""
    if rng.random() < 0.5:
        client.drop()
    else:
        client.close()


# --- normal ------------------------------------------------------------------

def polite(storm, rng: Random) -> None:
    """Some messages in one session; all must be taken, or put off."""
    with storm.client() as client:
        client.ehlo()
        for _ in range(rng.randint(1, 4)):
            number, message = plain(storm, rng, "polite")
            client.envelope(SENDER, [RCPT])
            client.cmd("DATA", 354)
            code = deliver(storm, client, number, mail.wire(message))
            if code not in (250, 451):
                storm.ledger.fault(f"polite {number}: {code}")
        client.cmd("QUIT", 221)


def large(storm, rng: Random) -> None:
    text = body(rng, rng.choice([300_000, 1_000_000, 3_000_000]))
    number, message = plain(storm, rng, "large", text=text)
    with storm.client() as client:
        if to_data(client):
            deliver(storm, client, number, mail.wire(message))


def many_recipients(storm, rng: Random) -> None:
    """Up to the limit of smtpd; more are refused one by one."""
    count = rng.choice([2, 10, 50, 200, 1000, 1010])
    if count >= 1000 and not storm.rare(rng):
        count = 20
    with storm.client() as client:
        client.ehlo()
        client.cmd(f"MAIL FROM:<{SENDER}>", 250)
        good = 0
        for i in range(count):
            good += client.cmd(f"RCPT TO:<u{i}@example.org>").code == 250
        number, message = plain(storm, rng, "many recipients", rcpts=good,
                                text=body(rng, 500))
        if client.cmd("DATA").code == 354:
            deliver(storm, client, number, mail.wire(message))


def odd_envelope(storm, rng: Random) -> None:
    """Names and senders that smtpd takes, with a message."""
    number, message = plain(storm, rng, "odd envelope")
    with storm.client() as client:
        client.write(rng.choice([b"EHLO x", rng.choice(HELLOS)]) + b"\r\n")
        if client.read().code != 250:
            return
        client.write(b"MAIL FROM:<" + rng.choice(SENDERS) + b">\r\n")
        if client.read().code != 250:
            return
        client.cmd(f"RCPT TO:<{RCPT}>", 250)
        if client.cmd("DATA").code == 354:
            deliver(storm, client, number, mail.wire(message))


def signed(storm, rng: Random) -> None:
    """With signatures whose keys DNS has, has not, or is silent about."""
    fields = []
    for _ in range(rng.randint(1, 10)):
        name = rng.choice(["sel", "none", "servfail", "silent", "tcp"])
        fields.append(
            "DKIM-Signature: v=1; a=rsa-sha256; d=example.net; "
            f"s={name}; h=from:to:subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5"
            "NMpJWZG3hSuFU=;\n\tb=" + "A" * 342 + "==")
    number, message = plain(storm, rng, "signed", *fields)
    with storm.client() as client:
        if to_data(client):
            deliver(storm, client, number, mail.wire(message))


# --- going away ---------------------------------------------------------------

def drop_in_state(storm, rng: Random) -> None:
    steps = ["EHLO x.example", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RCPT}>",
             f"RCPT TO:<2{RCPT}>", "DATA", "Subject: x"]
    upto = rng.randrange(len(steps) + 1)
    client = storm.client()
    for step in steps[:upto]:
        if rng.random() < 0.2:
            client.write(step[:len(step) // 2].encode())
            break
        client.write(step.encode() + b"\r\n")
        if step != steps[-1] and rng.random() < 0.9:
            client.read()
    close(client, rng)


def drop_in_data(storm, rng: Random) -> None:
    number, message = plain(storm, rng, "dropped in DATA")
    data = mail.wire(message)
    with storm.client() as client:
        if not to_data(client):
            return
        client.write(data[:rng.randrange(len(data) - 4)])
        if rng.random() < 0.3:
            client.sock.shutdown(socket.SHUT_WR)
            client.read()
        else:
            close(client, rng)


def drop_after_dot(storm, rng: Random) -> None:
    number, message = plain(storm, rng, "dropped after the dot")
    client = storm.client()
    if to_data(client):
        storm.ledger.sent[number].state = "maybe"
        client.write(mail.wire(message))
    close(client, rng)


def half_close(storm, rng: Random) -> None:
    """Sends all and shuts down that side, but reads the reply."""
    number, message = plain(storm, rng, "half closed")
    with storm.client() as client:
        if to_data(client):
            storm.ledger.sent[number].state = "maybe"
            client.write(mail.wire(message))
            client.sock.shutdown(socket.SHUT_WR)
            result(storm, number, client)


def crowd(storm, rng: Random) -> None:
    """Many connections at once, most of which say little."""
    clients = []
    try:
        for _ in range(rng.choice([20, 60, 150])):
            clients.append(storm.socket())
            clients[-1].sendall(rng.choice([
                b"", b"EHLO x\r\n", b"EHLO x\r\nMAIL FROM:<a@b.example>\r\n",
                b"QUIT\r\n", b"EH"]))
    finally:
        for sock in clients:
            sock.close()


# --- talking too early or too much --------------------------------------------

def early_talker(storm, rng: Random) -> None:
    """From some point on it does not wait for anything.

    smtpd throws such clients out, at the latest after the dot.
    """
    number, message = plain(storm, rng, "early talker")
    commands = [f"{c}\r\n".encode() for c in (
        "EHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RCPT}>", "DATA")]
    patient = rng.randrange(len(commands) + 1)
    with storm.socket() as sock, sock.makefile("rb") as replies:
        for command in commands[:patient]:
            while replies.readline()[3:4] == b"-":
                pass
            sock.sendall(command)
        storm.ledger.sent[number].state = "maybe"
        sock.sendall(b"".join(commands[patient:]) + mail.wire(message) +
                     b"QUIT\r\n")
        said = replies.read()
    if re.search(rb"^5\d\d ", said, re.M):
        storm.ledger.told(number, 500,
                          said.decode(errors="replace").splitlines()[-1])


def pipelined_with_dot(storm, rng: Random) -> None:
    number, message = plain(storm, rng, "command with the dot")
    more = rng.choice([b"QUIT\r\n", b"NOOP\r\n", b"MAIL FROM:<a@b>\r\n",
                       b"x" * 5000, b"\r\n", b".\r\n", b"\0"])
    with storm.client() as client:
        if to_data(client):
            deliver(storm, client, number, mail.wire(message) + more)


def rset_storm(storm, rng: Random) -> None:
    with storm.client() as client:
        client.ehlo()
        for _ in range(rng.randint(5, 100)):
            if rng.random() < 0.7:
                client.cmd(f"MAIL FROM:<{SENDER}>")
            for _ in range(rng.randrange(3)):
                client.cmd(f"RCPT TO:<{RCPT}>")
            client.cmd("RSET")
        number, message = plain(storm, rng, "after many RSET")
        client.envelope(SENDER, [RCPT])
        client.cmd("DATA", 354)
        deliver(storm, client, number, mail.wire(message))
        client.envelope(SENDER, [RCPT])
        client.write(b"RSET\r\n" * rng.choice([1, 2, 1000]))
        client.read()


def slow(storm, rng: Random) -> None:
    """In small pieces, with pauses."""
    number, message = plain(storm, rng, "slow", text=body(rng, 600))
    data = mail.wire(message)
    with storm.client() as client:
        if not to_data(client):
            return
        for at in range(0, len(data) - 3, 7):
            client.write(data[at:min(at + 7, len(data) - 3)])
            if storm.pause(0.02):
                return
        storm.ledger.sent[number].state = "maybe"
        client.write(data[-3:])
        result(storm, number, client)


# --- odd bytes ----------------------------------------------------------------

def noise(storm, rng: Random) -> None:
    """Commands that are unknown, wrong or out of order."""
    with storm.client() as client:
        for _ in range(rng.randint(1, 25)):
            client.write(rng.choice(NOISE) + b"\r\n")
            if rng.random() < 0.8:
                client.sock.settimeout(2)
                client.read()


def long_command(storm, rng: Random) -> None:
    size = rng.choice(LONG + TOO_LONG)
    start = rng.choice([b"EHLO ", b"HELO ", b"MAIL FROM:<", b"RCPT TO:<",
                        b"NOOP ", b"AUTH PLAIN ", b"", b"RSET ", b"QUIT "])
    with storm.client() as client:
        client.ehlo()
        if start == b"RCPT TO:<":
            client.cmd(f"MAIL FROM:<{SENDER}>")
        line = start + rng.choice(b"x|. \xe9\0").to_bytes(1, "big") * (
            size - len(start))
        client.write(line + rng.choice([b"\r\n", b"\n", b""]))
        client.sock.settimeout(5)
        client.read()


def send_odd(storm, rng: Random, kind: str, text: bytes, *fields: str,
             cut: bool = False, end: bytes = b"\r\n",
             signed: bool = True) -> None:
    number, message = plain(storm, rng, kind, *fields, text=text, cut=cut,
                            signed=signed)
    data = mail.wire(message)
    if end != b"\r\n":
        data = data[:-5].replace(b"\r\n", end) + data[-5:]
    with storm.client() as client:
        if to_data(client):
            deliver(storm, client, number, data)


def long_lines(storm, rng: Random) -> None:
    lines = [rng.choice([b"x", b".", b"|", b"\xe9"]) * rng.choice(LONG)
             for _ in range(rng.randint(1, 4))]
    send_odd(storm, rng, "long lines", b"\n".join(lines) + b"\n", cut=True)


def long_fields(storm, rng: Random) -> None:
    """One line each; with places to fold, or without."""
    size = rng.choice(LONG[2:]) - 20
    word = rng.choice(["x", "word ", "a@b.example, ", "x\t", "  "])
    field = "X-Long: " + (word * size)[:size - 8] + "."
    cc = "Cc: " + ", ".join(f"u{i}@example.org" for i in range(size // 22))
    send_odd(storm, rng, "long fields", usual(rng), field, cc, cut=True)


def too_long_line(storm, rng: Random) -> None:
    line = b"x" * rng.choice(TOO_LONG)
    send_odd(storm, rng, "too long a line", b"a\n" + line + b"\nb\n", cut=True)


def bare_lf(storm, rng: Random) -> None:
    send_odd(storm, rng, "bare LF", usual(rng), end=b"\n")


def eight_bits(storm, rng: Random) -> None:
    text = bytes(rng.choice(range(128, 256)) for _ in range(500))
    send_odd(storm, rng, "8 bits", text + b"\n", "X-8bit: \udce9\udcff\udc80")


def control_bytes(storm, rng: Random) -> None:
    text = b"".join(rng.choice([b"\x01", b"\x7f", b"\x1b[2J", b"\t", b"a",
                                b"\x0b", b"\x0c"]) for _ in range(200))
    send_odd(storm, rng, "control bytes", text + b"\n")


def nul_bytes(storm, rng: Random) -> None:
    """smtpd ends a line at the first."""
    text = b"a\0b\n\0\n\0.\nc\0\0\n" + usual(rng).replace(b"x", b"\0")
    send_odd(storm, rng, "NUL bytes", text, "X-NUL: a\0b")


def bare_cr(storm, rng: Random) -> None:
    text = b"\r.\r\n\ra\rb\n.\r\r\r\n\r\r" + usual(rng).replace(b" ", b"\r")
    send_odd(storm, rng, "bare CR", text, "X-CR: a\rb", "X-End: a\r\r")


def many_fields(storm, rng: Random) -> None:
    count = rng.choice([50, 500, 3000])
    fields = ["X-%d: %s" % (i, "".join(rng.choices(string.ascii_letters, k=40)))
              for i in range(count)]
    # filter-dkimsign's limit.
    number, message = plain(storm, rng, "many fields", *fields,
                            signed=count <= 2000)
    with storm.client() as client:
        if to_data(client):
            deliver(storm, client, number, mail.wire(message))


def huge_field(storm, rng: Random) -> None:
    """Folded, of up to 1.2 MB: more than the filters keep as header."""
    count = rng.choice([100, 2000, 20000])
    field = "X-Huge: a" + "".join(f"\n\tpart {i} " + "y" * 50
                                  for i in range(count))
    send_odd(storm, rng, "huge field", b"x\n", field,
             signed=len(field) < 1_000_000)


Client = Callable[..., None]
# Weights: how often each comes.
CLIENTS: list[tuple[int, Client]] = [
    (20, polite), (2, large), (4, odd_envelope), (1, many_recipients), (5, signed),
    (8, drop_in_state), (8, drop_in_data), (6, drop_after_dot),
    (4, half_close), (1, crowd), (4, early_talker), (5, pipelined_with_dot),
    (2, rset_storm), (3, slow), (5, noise), (4, long_command),
    (5, long_lines), (3, long_fields), (2, too_long_line), (4, bare_lf), (3, eight_bits),
    (3, control_bytes), (2, nul_bytes), (2, bare_cr), (2, many_fields),
    (2, huge_field)]
