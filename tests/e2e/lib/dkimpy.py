"""Signatures checked by an independent implementation (python3-dkim)."""

from typing import Callable

from . import check

try:
    import dkim
except ImportError:
    dkim = None

Texts = Callable[[str], bytes | None]


def verify(message: bytes, texts: Texts) -> list[bool]:
    """Whether each DKIM-Signature of a message verifies, from the top.

    The message has lines that end in LF; texts(NAME) gives a key record.
    """
    if dkim is None:
        raise check.Skip("python3-dkim is not installed")
    wire = message.replace(b"\n", b"\r\n")
    signatures = sum(1 for name, _ in dkim.rfc822_parse(wire)[0]
                     if name.lower() == b"dkim-signature")

    def look_up(name: bytes, timeout: int = 5) -> bytes | None:
        return texts(name.decode().rstrip(".").lower())

    def one(index: int) -> bool:
        try:
            return bool(dkim.DKIM(wire).verify(index, dnsfunc=look_up))
        except dkim.DKIMException:
            return False
    return [one(index) for index in range(signatures)]
