"""What smtpd makes of odd addresses is what filter-dkimsign signed."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from lib import mail
from lib.case import Case
from lib.check import at_least, equal, matches
from lib.oddmail import Odd
from lib.signer import Keys
from lib.smtp import Client
from lib.smtpd import Smtpd

# More of them, or others, by hand: ODD_COUNT=5000 ODD_SEED=7.
COUNT = int(os.environ.get("ODD_COUNT", "300"))
SEED = int(os.environ.get("ODD_SEED", "1"))
PER_SESSION = 50        # smtpd's own limit is 100
JOBS = 4


def send(mta: Smtpd, numbers: range) -> list[int]:
    """Returns the numbers of those that were accepted."""
    accepted = []
    with Client(mta.port) as client:
        client.ehlo()
        for number in numbers:
            reply = client.send("a@example.net", ["user@example.org"],
                                mail.wire(Odd(SEED, number).message()))
            if reply.code == 250:
                accepted.append(number)
            else:
                # 64 KiB of addresses are more than smtpd takes.
                equal(f"reply to message {number}", reply.code, 550)
    return accepted


def verify(keys: Keys, got: mail.Delivered) -> list[bool]:
    """Of a field with a blank before its colon, relaxed makes one without.

    Such fields dkimpy does not take, so it gets what relaxed makes of them.
    """
    head, body = mail.split(got.message)
    plain = re.sub(rb"(?m)^([A-Za-z]+)[ \t]+:", rb"\1:", head)
    if plain == head:
        return keys.verify(got)
    empty = b"" if got.message == head else b"\n"
    result = keys.verify(replace(got, message=plain + empty + body))
    return [*result[:1], *([True] if result[1:] else [])]


def number_of(got: mail.Delivered) -> int:
    return int(re.search(rb"(?m)^X-Number: (\d+)$", got.message)[1])


def test_random_addresses(case: Case) -> None:
    """Both canonicalizations; a message without an author has no key."""
    keys = Keys(case)
    keys.make("rel", domain="example.org")
    keys.make("sim", domain="example.org")
    keys.write("* rel rel.example.org.key d=example.org",
               "* sim sim.example.org.key d=example.org c=simple/simple")
    mta = keys.smtpd()
    parts = [range(i, min(i + PER_SESSION, COUNT))
             for i in range(0, COUNT, PER_SESSION)]
    with ThreadPoolExecutor(JOBS) as pool:
        accepted = [n for part in pool.map(lambda p: send(mta, p), parts)
                    for n in part]
    at_least("accepted", len(accepted), COUNT * 9 // 10)
    bad, signed = [], 0
    for got in mta.mails(len(accepted), seconds=100):
        # Below them may be one that the client sent.
        result = verify(keys, got)[:got.above.count(b"DKIM-Signature:")]
        signed += bool(result)
        if result not in ([], [True, True]):
            bad.append((number_of(got), result))
    equal("messages whose signatures fail", sorted(bad), [])
    at_least("signed", signed, COUNT * 7 // 10)


def one_address(size: int) -> bytes:
    """The value of a field with this many octets and one bare address."""
    text = b" <root\n\t>"
    name = b" x" * 30 + b"\n"
    lines = (size - len(text) - 2) // len(name)
    first = size - len(text) - lines * len(name) - 1
    return b" " + b"x" * first + name * lines + text


def test_sizes(case: Case) -> None:
    """Around smtpd's limits for an address and for a field."""
    keys = Keys(case)
    keys.make("k", domain="example.org")
    keys.write("example.org k k.example.org.key")
    mta = keys.smtpd()
    host = len("@mx.example.org")
    for size in (4080, 4081, 4095, 4096, 16384, *range(
            65535 - host - 5, 65535 - host + 4), 65533, 65534):
        value = one_address(size)
        equal("octets", len(value), size)
        reply = mta.submit(b"From: a@example.org\nTo:" + value + b"\n\nx\n")
        equal(f"reply to {size}", reply.code, 250)
        equal(f"signatures of {size}", keys.verify(mta.mail()), [True])
    many = b"From: a@example.org\nTo: a" + b",\n a" * 3800 + b"\n\nx\n"
    equal("reply", mta.submit(many).code, 250)
    equal("signatures of many addresses", keys.verify(mta.mail()), [])
    matches("log", mta.log(), "reason=field-too-large")
