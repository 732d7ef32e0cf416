"""dkimpy as a program: messages in, a word for each out.

Reads a line of JSON, the zone, then messages, each as a line with its size and
the bytes.  Writes "pass" or "no REASON" for the first signature.
"""

import json
import sys

import dkim


def main() -> None:
    source = sys.stdin.buffer
    zone = {name: text.encode("latin-1")
            for name, text in json.loads(source.readline()).items()}

    def look_up(name: bytes, timeout: int = 5) -> bytes | None:
        return zone.get(name.decode("latin-1").rstrip(".").lower())

    while size := source.readline():
        message = source.read(int(size))
        try:
            good = dkim.DKIM(message).verify(dnsfunc=look_up)
            answer = "pass" if good else "no signature mismatch"
        except Exception as error:  # pylint: disable=broad-exception-caught
            answer = f"no {type(error).__name__} {error}"
        print(" ".join(answer.split()), flush=False)
    sys.stdout.flush()


main()
