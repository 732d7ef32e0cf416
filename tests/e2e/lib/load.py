"""Many numbered messages at once, each accounted for."""

import concurrent.futures
import threading
from collections import Counter
from typing import Callable, Iterable

from . import check, mail, smtp
from .smtpd import Smtpd

MIDWAY = 20


def numbered(number: int) -> bytes:
    body = f"This is message {number}.\n".encode() * (1 + number % 50)
    return mail.message(f"Message {number}", body=body, number=number)


def send_one(mta: Smtpd, number: int) -> smtp.Reply:
    return mta.submit(numbered(number))


def send(mta: Smtpd, numbers: Iterable[int], jobs: int = 20,
         midway: Callable[[], None] | None = None) -> dict[int, smtp.Reply]:
    """Sends them over parallel connections; returns each final reply.

    midway() is called once, when MIDWAY of them have got theirs.
    """
    replies: dict[int, smtp.Reply] = {}
    lock = threading.Lock()

    def one(number: int) -> None:
        reply = send_one(mta, number)
        with lock:
            replies[number] = reply
            if midway and len(replies) == MIDWAY:
                midway()

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(one, numbers):
            pass
    return replies


def begin(mta: Smtpd, wire: bytes) -> smtp.Client:
    """A session that has sent one half of its message."""
    client = smtp.Client(mta.port)
    client.ehlo()
    client.envelope("sender@example.net", ["user@example.org"])
    client.cmd("DATA", 354)
    client.write(wire[:len(wire) // 2])
    return client


def finish(client: smtp.Client, wire: bytes) -> smtp.Reply:
    """Sends the other half; returns the reply."""
    client.write(wire[len(wire) // 2:])
    reply = client.read()
    client.close()
    return reply


def at_once(mta: Smtpd, messages: dict[int, bytes]) -> dict[int, smtp.Reply]:
    """Each in a session of its own, all open before the first one ends."""
    wires = {n: mail.wire(message) for n, message in messages.items()}
    clients = {n: begin(mta, wire) for n, wire in wires.items()}
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        replies = pool.map(lambda n: finish(clients[n], wires[n]), clients)
        return dict(zip(clients, replies))


def accepted(replies: dict[int, smtp.Reply]) -> set[int]:
    return {n for n, reply in replies.items() if reply.code == 250}


def refused_softly(replies: dict[int, smtp.Reply]) -> set[int]:
    """The numbers that were refused; each must be asked to come again."""
    refused = set(replies) - accepted(replies)
    for number in refused:
        check.equal(f"reply to message {number} ({replies[number]})",
                    replies[number].code, 451)
    return refused


def account(mta: Smtpd, numbers: set[int]) -> None:
    """Exactly these were delivered, each once and as it was sent."""
    got = mta.mails(len(numbers), seconds=60)
    count = Counter(message.number for message in got)
    check.equal("messages delivered", set(count), numbers)
    twice = [n for n, times in count.items() if times > 1]
    check.equal("messages delivered more than once", twice, [])
    for message in got:
        mail_body = mail.split(message.message)[1]
        check.same_bytes(f"body of message {message.number}", mail_body,
                         mail.split(numbered(message.number))[1])
