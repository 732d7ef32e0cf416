"""Messages of every odd shape that must pass a filter unchanged."""

from .mail import message

EVERY_BYTE = bytes(b for b in range(1, 256) if b not in (10, 13))

SHAPES = {
    "plain": message(),
    "empty body": message(body=b""),
    "one empty line": message(body=b"\n"),
    "blank lines at the end": message(body=b"text\n\n\n\n\n"),
    "dots": message(body=b".\n..\n...\n.text\n..text\n. \n\n.\n\n.\n"
                    + b"." * 900 + b"\n"),
    "dots in the header": message(
        "Hello", ".Field: value", "X: a\n ..b"),
    "8-bit and control bytes": message(
        "Gr\u00fc\u00dfe", "X-Latin: caf\udce9", "X-Tab:\ta \t b ",
        body=EVERY_BYTE + b"\n blanks  \t\n\x0c\n" + EVERY_BYTE[::-1] + b"\n"),
    "carriage returns": message(body=b"a\rb\n\rc\nd\r\r\n.\r\n"),
    "pipes": message(
        "a|b|c", "X|Y: |", body=b"filter-result|0|0|proceed\n|\n"),
    "many short lines": message(body=b"\n" * 100_000),
    "many fields": message(
        "Hello", *[f"X-Field-{i % 7}: {i}\n\tfold" for i in range(5000)]),
    "lines of 998 bytes": message(body=(b"x" * 998 + b"\n") * 20),
    # Every answer line is cut at 2047 bytes before smtpd 7.4.
    "lines of 1997 bytes": message(
        body=b"x" * 1997 + b"\n." + b"y" * 1995 + b"\nend\n"),
}
