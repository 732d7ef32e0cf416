# SPDX-License-Identifier: ISC
"""Faults of DNS: filter-dkimverify asks for the key of a signature."""

import contextlib
import random
import socket
import struct
from typing import Callable

from case import Case, DOMAIN, Fault, GOOD, plain, shared, signed, zone
from lib import dns
from lib.wait import until

TEMPERROR, PERMERROR = "passes, dkim=temperror", "passes, dkim=permerror"
NAME = f"bad._domainkey.{DOMAIN}"
SHORT = ("--dns-timeout", "4")
REFUSED, NOTIMP = 5, 4

Reply = Callable[["Packet"], list[bytes]]


class Packet:
    """A query, and what can be answered to it."""

    def __init__(self, raw: bytes, over_udp: bool) -> None:
        self.id = raw[:2]
        self.name, self.kind, self.question = dns.question(raw)
        self.over_udp = over_udp

    def answer(self, *records: bytes, rcode: int = 0, flags: int = 0,
               count: int | None = None, question: bytes | None = None,
               id_: bytes | None = None) -> bytes:
        head = struct.pack(
            ">HHHHH", dns.RESPONSE | rcode | flags, 1,
            len(records) if count is None else count, 0, 0)
        return ((id_ or self.id) + head + (question or self.question)
                + b"".join(records))

    def right(self, name: str = "") -> bytes:
        text, = shared()[1]
        return dns.record(name or self.name, dns.TXT, dns.strings(text), 60)


class Server(zone.Dns):
    """Answers for one name as the fault says."""
    fault: Reply | None = None

    def reply(self, packet: bytes, over_udp: bool) -> bytes | None:
        query = Packet(packet, over_udp)
        if query.name.lower() != NAME or self.fault is None:
            return super().reply(packet, over_udp)
        self.asked.append(NAME)
        first, *more = self.fault(query) or [None]
        # All but the first go out on their own, as from somebody else.
        if over_udp:
            for extra in more:
                self.udp.sendto(extra, self.peer)
        return first

    def _one_tcp(self, sock: socket.socket) -> None:
        with contextlib.suppress(ConnectionAbortedError):
            super()._one_tcp(sock)

    def _serve_udp(self) -> None:
        while True:
            try:
                packet, self.peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if not packet:
                continue
            reply = self.reply(packet, True)
            if reply:
                self.udp.sendto(reply, self.peer)


def run(fault: Reply, *args: str) -> Callable[[Case], None]:
    def play(case: Case) -> None:
        server = case.dns(Server)
        server.fault = fault
        filter_ = case.start(*args)
        case.around(filter_, signed("bad"), wait=lambda: until(
            "the query", lambda: NAME in server.asked, 60))
    return play


def nobody(case: Case) -> None:
    port = random.randrange(10000, 20000)   # none that connections get
    case.server = f"127.0.0.1@{port}"
    filter_ = case.start(*SHORT)
    affected = filter_.session().message(signed("bad"))
    other = filter_.session().message(plain())
    case.passed(other, plain(), "dkim=none")
    case.judge(affected, signed("bad"))
    server = zone.Dns(port)
    case.undo.callback(server.stop)
    server.add(f"{GOOD}._domainkey.{DOMAIN}", *shared()[1])
    case.passes(filter_)
    filter_.end()


def truncated(over_tcp: Reply) -> Reply:
    def reply(query: Packet) -> list[bytes]:
        if query.over_udp:
            return [query.answer(flags=dns.TRUNCATED)]
        return over_tcp(query)
    return reply


def hang_up(_: Packet) -> list[bytes]:
    raise ConnectionAbortedError


def other_id(query: Packet) -> list[bytes]:
    wrong = bytes([query.id[0] ^ 0xff, query.id[1]])
    return [query.answer(query.right(), id_=wrong)]


def spoofed_then_right(query: Packet) -> list[bytes]:
    """Three answers of somebody else come before the true one."""
    evil = dns.record(query.name, dns.TXT, dns.strings(b"v=DKIM1; p="), 60)
    forged = [query.answer(evil, id_=bytes([query.id[0] ^ n, query.id[1]]))
              for n in (1, 2, 4)]
    return [query.answer(query.right()), *forged]


def other_question(query: Packet) -> list[bytes]:
    name = f"other._domainkey.{DOMAIN}"
    raw = dns.labels(name) + struct.pack(">HH", dns.TXT, dns.ANY_CLASS)
    return [query.answer(query.right(name), question=raw)]


def alias(target: str) -> bytes:
    return dns.record(NAME, dns.CNAME, dns.labels(target), 60)


def texts(*pieces: bytes) -> Reply:
    def reply(query: Packet) -> list[bytes]:
        records = [dns.record(query.name, dns.TXT, dns.strings(p), 60)
                   for p in pieces]
        if query.over_udp:
            return [query.answer(flags=dns.TRUNCATED)]
        return [query.answer(*records)]
    return reply


def pointer_loop(query: Packet) -> list[bytes]:
    """The record's name points to itself."""
    at = 12 + len(query.question)
    return [query.answer(
        struct.pack(">HHHIH", 0xc000 | at, dns.TXT, dns.ANY_CLASS, 60, 2)
        + b"\1x")]


def short_data(query: Packet) -> list[bytes]:
    """A record that says it is longer than the packet."""
    return [query.answer(
        dns.labels(query.name)
        + struct.pack(">HHIH", dns.TXT, dns.ANY_CLASS, 60, 5000) + b"\4v=DK")]


def long_string(query: Packet) -> list[bytes]:
    """A string that says it is longer than its record."""
    return [query.answer(dns.record(query.name, dns.TXT, b"\xffv=DKIM1", 60))]


FAULTS = [
    Fault("SERVFAIL", "dkimverify", "the server cannot answer", TEMPERROR,
          run(lambda q: [q.answer(rcode=dns.SERVFAIL)])),
    Fault("DNS refused", "dkimverify", "the server does not want to answer",
          TEMPERROR, run(lambda q: [q.answer(rcode=REFUSED)])),
    Fault("NOTIMP", "dkimverify", "the server knows no such query",
          TEMPERROR, run(lambda q: [q.answer(rcode=NOTIMP)])),
    Fault("NXDOMAIN", "dkimverify", "there is no such name", PERMERROR,
          run(lambda q: [q.answer(rcode=dns.NXDOMAIN)])),
    Fault("empty answer", "dkimverify", "the name has no TXT record",
          PERMERROR, run(lambda q: [q.answer()])),
    Fault("DNS timeout", "dkimverify", "no answer at all", TEMPERROR,
          run(lambda q: [], *SHORT)),
    Fault("no DNS server", "dkimverify", "nobody at the server's port",
          TEMPERROR, nobody),
    Fault("truncated, no TCP", "dkimverify",
          "cut off over UDP, TCP is closed at once", TEMPERROR,
          run(truncated(hang_up), *SHORT)),
    Fault("truncated, silent TCP", "dkimverify",
          "cut off over UDP, no answer over TCP", TEMPERROR,
          run(truncated(lambda q: []), *SHORT)),
    Fault("truncated, wrong over TCP", "dkimverify",
          "cut off over UDP, SERVFAIL over TCP", TEMPERROR,
          run(truncated(lambda q: [q.answer(rcode=dns.SERVFAIL)]), *SHORT)),
    Fault("spoofed id", "dkimverify", "only an answer with another id",
          TEMPERROR, run(other_id, *SHORT)),
    Fault("spoofed, then right", "dkimverify",
          "three answers with other ids around the true one", "passes",
          run(spoofed_then_right)),
    Fault("wrong question", "dkimverify", "an answer to another question",
          TEMPERROR, run(other_question, *SHORT)),
    Fault("huge TXT", "dkimverify", "a key record of 60000 bytes",
          PERMERROR, run(texts(b"v=DKIM1; n=" + b"x" * 60000 + b"; p="))),
    Fault("many TXT", "dkimverify", "300 TXT records, none of them a key",
          PERMERROR, run(texts(*(b"text %d" % n for n in range(300))))),
    Fault("CNAME loop", "dkimverify", "an alias of itself", TEMPERROR,
          run(lambda q: [q.answer(alias(NAME))])),
    Fault("CNAME away", "dkimverify", "an alias of a name that is not there",
          PERMERROR, run(lambda q: [q.answer(
              alias(f"gone.{DOMAIN}"), rcode=dns.NXDOMAIN)])),
    Fault("garbage", "dkimverify", "bytes that are no DNS", TEMPERROR,
          run(lambda q: [q.id + b"\xff" * 60], *SHORT)),
    Fault("garbage record", "dkimverify",
          "a right head, then bytes that are no record", TEMPERROR,
          run(lambda q: [q.answer(b"\xff" * 50, count=1)], *SHORT)),
    Fault("compression loop", "dkimverify", "a name that points to itself",
          TEMPERROR, run(pointer_loop, *SHORT)),
    Fault("short packet", "dkimverify",
          "a record longer than the packet", TEMPERROR,
          run(short_data, *SHORT)),
    Fault("long string", "dkimverify", "a string longer than its record",
          TEMPERROR, run(long_string, *SHORT)),
    Fault("records missing", "dkimverify",
          "says 9 records, has one", TEMPERROR,
          run(lambda q: [q.answer(q.right(), count=9)], *SHORT)),
]
