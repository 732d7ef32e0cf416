# SPDX-License-Identifier: ISC
"""Faults of rspamd, or of what answers in its place."""

import gzip
import re
import socket
from pathlib import Path
from typing import Callable

from case import Case, Fault, UNSCANNED, equal, is_sanitized, plain, stub
from lib.wait import until

UNREACHABLE = "451 4.7.1 Content check not available, try again later"
TIMEOUT = "451 4.7.1 Content check timed out, try again later"
ERROR = "451 4.7.1 Content check failed, try again later"
TOO_LARGE = "451 4.7.1 Message too large for the content check"
MEMORY = "451 4.3.0 Out of resources, try again later"
MANY = 6                        # replies of 50 MB at a time
SHORT = ("--timeout", "4", "--connect-timeout", "2")
LARGE = 3_000_000
ENDLESS = 1 << 28               # bytes; nobody reads so many


def refused(case: Case) -> None:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))     # ours, but nobody listens
    filter_ = case.start_rspamd(
        f"http://127.0.0.1:{sock.getsockname()[1]}")
    case.around(filter_, case.raw(), src=UNSCANNED,
                heal=lambda: case.stub(sock=sock))


def blackhole(case: Case) -> None:
    full = stub.Full()
    case.undo.callback(full.stop)
    filter_ = case.start_rspamd(full.url, *SHORT)
    case.around(filter_, case.raw(), src=UNSCANNED,
                heal=lambda: case.stub(sock=full.sock))


def step(fault: stub.Step, *args: str, size: int = 0) -> Callable:
    """The first connection meets the fault, the others do not."""
    def play(case: Case) -> None:
        server = case.stub(fault)
        filter_ = case.start(*args)
        case.around(filter_, plain(size), wait=lambda: until(
            "the first connection", server.count, 60))
    return play


def reply(*data: bytes, **kind: object) -> Callable:
    """The reply to the first request is these bytes."""
    return step(stub.raw(b"".join(data)), **kind)


def body(data: bytes) -> Callable:
    return step(stub.answer(200, data))


def keeps_going(start: bytes, more: bytes) -> stub.Step:
    """A reply that does not end."""
    def play(conn: stub.Conn) -> None:
        conn.read()
        conn.sock.sendall(start)
        block = more * max(1, 65536 // len(more))
        for _ in range(ENDLESS // len(block)):
            if conn.stopped.is_set():
                return
            conn.sock.sendall(block)
    return play


def reset_in_the_middle(conn: stub.Conn) -> None:
    """Takes a part of the message first."""
    conn.read_head()
    conn.file.read(100_000)
    conn.reset()


def reset_in_reply_body(conn: stub.Conn) -> None:
    conn.read()
    whole = stub.http(200, stub.verdict())
    conn.sock.sendall(whole[:-20])
    conn.reset()


def reset_in_request_head(conn: stub.Conn) -> None:
    conn.sock.recv(10)
    conn.reset()


def answer_early(conn: stub.Conn) -> None:
    conn.read_head()
    conn.sock.sendall(stub.http(200, stub.verdict()))
    conn.read_body()


def chunks(*sizes_and_data: bytes) -> bytes:
    return (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(sizes_and_data))


def bomb() -> bytes:
    """Says gzip; 64 MiB would come of 64 KiB."""
    data = gzip.compress(b'{"action": "no action", "x": "' + bytes(1 << 26))
    return stub.http(200, data, "Content-Encoding: gzip")


def new_bodies(case: Case) -> None:
    """One may be as large as a message may; together they are limited."""
    step = keeps_going(b"HTTP/1.1 200 OK\r\nMessage-Offset: 1\r\n\r\n",
                       bytes(1 << 16))
    server = case.stub(*[step] * MANY)
    filter_ = case.start_rspamd(server.url)
    raw = case.raw()
    for session in [filter_.session().message(raw) for _ in range(MANY)]:
        case.judge(session, raw)
    peak = re.search(r"VmHWM:\s+(\d+) kB",
                     Path(f"/proc/{filter_.pid}/status").read_text())
    assert peak and (is_sanitized() or int(peak[1]) < 250_000), peak
    case.passes(filter_)
    filter_.end()


def no_socket(case: Case) -> None:
    """rspamd's local socket is not there, then it is."""
    path = case.folder / "rspamd.sock"

    def heal() -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        case.stub(sock=sock)
    case.around(case.start_rspamd(f"unix:{path}"), case.raw(),
                src=UNSCANNED, heal=heal)


def failover(fault: stub.Step, *args: str) -> Callable:
    """Another host answers what the first one does not."""
    def play(case: Case) -> None:
        first, second = case.stub(fault), case.stub()
        filter_ = case.start_rspamd(first.url, "--url", second.url, *args)
        case.around(filter_, case.raw(), wait=lambda: until(
            "the first connection", first.count, 60))
        equal("requests to the second", second.count() > 0, True)
    return play


REPLY = stub.verdict()
FAULTS = [
    Fault("refused", "rspamd", "nobody listens at rspamd's port",
          UNREACHABLE, refused),
    Fault("blackhole", "rspamd", "connecting hangs", UNREACHABLE, blackhole),
    Fault("no socket", "rspamd", "rspamd's local socket is not there",
          UNREACHABLE, no_socket),
    Fault("first host resets", "rspamd", "RST by the first of two hosts",
          "passes", failover(stub.reset_before_reply)),
    Fault("first host hangs", "rspamd", "the first of two hosts is silent",
          "passes", failover(stub.hang(), *SHORT)),
    Fault("no answer", "rspamd", "the request is read, then nothing comes",
          TIMEOUT, step(stub.hang(), *SHORT)),
    Fault("never reads", "rspamd", "a large request is not even read",
          TIMEOUT, step(stub.hang(after_request=False), *SHORT, size=LARGE)),
    Fault("reset on accept", "rspamd", "RST as soon as it is connected",
          f"{UNREACHABLE} or {ERROR}", step(stub.reset_on_accept)),
    Fault("reset in request head", "rspamd", "RST amid the request's head",
          ERROR, step(reset_in_request_head)),
    Fault("reset after request head", "rspamd",
          "RST when the request's head was read", ERROR,
          step(stub.reset_in_body)),
    Fault("reset in request body", "rspamd", "RST amid a large message",
          ERROR, step(reset_in_the_middle, size=LARGE)),
    Fault("reset before reply", "rspamd", "RST after the whole request",
          ERROR, step(stub.reset_before_reply)),
    Fault("reset in reply head", "rspamd", "RST amid the reply's head",
          ERROR, step(stub.reset_in_reply)),
    Fault("reset in reply body", "rspamd", "RST 20 bytes before the end",
          ERROR, step(reset_in_reply_body)),
    Fault("closed without reply", "rspamd", "closed after the request",
          ERROR, step(stub.close_before_reply)),
    Fault("half reply", "rspamd", "closed amid the JSON", ERROR,
          step(stub.half_reply())),
    Fault("one byte per second", "rspamd", "a right reply, one byte a second",
          TIMEOUT, step(stub.drip(1), *SHORT)),
    Fault("endless header", "rspamd", "reply fields without end", ERROR,
          step(keeps_going(b"HTTP/1.1 200 OK\r\n", b"X-More: more\r\n"))),
    Fault("endless header line", "rspamd", "one reply field without end",
          ERROR, step(keeps_going(b"HTTP/1.1 200 OK\r\nX: ", b"x"))),
    Fault("endless status line", "rspamd", "not even that line ends", ERROR,
          step(keeps_going(b"HTTP/1.1 200 ", b"x"))),
    Fault("endless body", "rspamd", "JSON of 256 MB", ERROR,
          step(stub.huge())),
    Fault("new bodies", "rspamd", f"{MANY} new bodies without end at a time",
          f"{ERROR} or {MEMORY}", new_bodies),
    Fault("interim replies", "rspamd", "100 Continue without end", ERROR,
          step(keeps_going(b"", b"HTTP/1.1 100 Continue\r\n\r\n"))),
    Fault("no content length", "rspamd",
          "a right reply, ended by the connection's end", "passes",
          reply(b"HTTP/1.1 200 OK\r\n\r\n", REPLY)),
    Fault("wrong content length", "rspamd", "a Content-Length below zero",
          ERROR, reply(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                       REPLY)),
    Fault("huge chunk", "rspamd", "a chunk of 2^63 bytes that ends early",
          ERROR, reply(chunks(b"7fffffffffffffff\r\n", REPLY))),
    Fault("overflowing chunk", "rspamd", "a chunk size over 64 bits", ERROR,
          reply(chunks(b"ffffffffffffffffff\r\n", REPLY))),
    Fault("bad chunk", "rspamd", "a chunk size that is no number", ERROR,
          reply(chunks(b"zz\r\n", REPLY, b"\r\n0\r\n\r\n"))),
    Fault("redirect", "rspamd", "302 to another place", ERROR,
          step(stub.answer(302, b"", "Location: http://192.0.2.1/"))),
    Fault("gzip bomb", "rspamd", "64 KiB that would unpack to 64 MiB", ERROR,
          reply(bomb())),
    Fault("status 500", "rspamd", "500 with a verdict in it", ERROR,
          step(stub.answer(500, REPLY))),
    Fault("status 503", "rspamd", "503, as a proxy without rspamd", ERROR,
          step(stub.answer(503, b""))),
    Fault("empty 200", "rspamd", "200 without a body", ERROR, body(b"")),
    Fault("HTML with 200", "rspamd", "a page of somebody else", ERROR,
          body(b"<html><body>It works!</body></html>")),
    Fault("no HTTP", "rspamd", "bytes that are no HTTP", ERROR,
          reply(b"\x00\xff\x7fELF\r\n" * 1000)),
    Fault("HTTP/0.9", "rspamd", "JSON without a head", ERROR, reply(REPLY)),
    Fault("no action", "rspamd", "JSON without an action", ERROR,
          body(b"{}")),
    Fault("wrong JSON type", "rspamd", "the action is a list", ERROR,
          body(stub.verdict(action=["no action"]))),
    Fault("wrong member types", "rspamd", "all but the action is nonsense",
          "passes", body(stub.verdict(
              score="high", required_score=None, symbols=[1],
              messages=7, milter={"add_headers": [3],
                                  "remove_headers": "all"}))),
    Fault("non-UTF-8", "rspamd", "bytes that are not UTF-8", "passes",
          body(REPLY[:-1] + b', "x": "\xff\xfe"}')),
    Fault("duplicate keys", "rspamd", "two actions in one verdict: the last one",
          "554 5.7.1 Spam message rejected",
          body(REPLY[:-1] + b', "action": "reject"}')),
    Fault("NaN", "rspamd", "a score that is not a number", "passes",
          body(REPLY.replace(b'"score": 0.0', b'"score": NaN'))),
    Fault("number too large", "rspamd", "a score of 1e999", "passes",
          body(REPLY.replace(b'"score": 0.0', b'"score": 1e999'))),
    Fault("deep nesting", "rspamd", "500000 arrays in each other", ERROR,
          body(b"[" * 500_000)),
    Fault("reply before request", "rspamd",
          "answers when it has seen the head only", "passes",
          step(answer_early, size=LARGE)),
]
