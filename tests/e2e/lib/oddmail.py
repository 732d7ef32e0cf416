"""Random messages with everything odd that a client may send."""

import random

BLANKS = [b" ", b"\t", b"\n\t", b" \n ", b"  ", b"\n \n\t"]
NAMES = [b"Joe", b"J. Doe", b"\"Doe, Joe\"", b"\"a @ b\"", b"\"q\\\"uote\"",
         b"\"back\\\\\"", b"caf\xc3\xa9", b"\"\xe9t\xe9\"", b"Joe @ Work",
         b"=?utf-8?q?J=C3=B6,?=", b"=?utf-8?b?w7Y=?= x", b"", b"Joe (x) Doe"]
COMMENTS = [b"(c)", b"(a (b) c)", b"(a, b)", b"(x@y)", b"(e\\) e)", b"()",
            b"(\"q)", b"(a\n b)", b"((((()))))", b"(\\()"]
LOCALS = [b"root", b"a.b", b"\"two words\"", b"\"a@b\"", b"\"a,b\"", b"x+y",
          b"r\xc3\xb6t", b"a . b", b"\"\"", b"r(c)t", b"\"a\\\"b\""]
DOMAINS = [b"example.org", b"Example.ORG", b"mail.example.org", b"[192.0.2.1]",
           b"b\xc3\xbccher.example", b"example . org", b"example.org.",
           b"(c)example.org", b"nowhere.example"]
WILD = [b"(", b")", b"<", b">", b"@", b",", b":", b";", b"\"", b"\\", b" ",
        b"\t", b"\n\t", b"[", b"]", b".", b"\xff"]
BARE, WHOLE = 0.45, 0.85        # below: without a domain; with one


class Odd:
    """Each message is made of seed and number alone."""

    def __init__(self, seed: int, number: int) -> None:
        self.number = number
        self.r = random.Random(f"{seed}/{number}")

    def chance(self, part: float) -> bool:
        return self.r.random() < part

    def some(self, words: list[bytes], part: float) -> bytes:
        return self.r.choice(words) if self.chance(part) else b""

    def blank(self) -> bytes:
        return self.some(BLANKS, 0.3)

    def address(self) -> bytes:
        kind = self.r.random()
        local = self.r.choice(LOCALS)
        if kind < BARE:
            return local
        if kind < WHOLE:
            return local + self.blank() + b"@" + self.r.choice(DOMAINS)
        return self.r.choice([b"", b"@a.example,@b.example:root@example.org",
                              b"root@", b"@example.org", b"root@a@b", b"a b"])

    def mailbox(self) -> bytes:
        address = self.address()
        if self.chance(0.5):
            address = (self.r.choice(NAMES) + self.blank() + b"<"
                       + self.blank() + address + self.blank() + b">")
        return (self.some(COMMENTS, 0.2) + self.blank() + address
                + self.blank() + self.some(COMMENTS, 0.2) + self.blank())

    def boxes(self) -> bytes:
        return b",".join(self.mailbox() if self.chance(0.9) else self.blank()
                         for _ in range(self.r.choice([1, 1, 1, 2, 3, 6])))

    def spoilt(self, text: bytes) -> bytes:
        """A few octets put in or taken out anywhere."""
        for _ in range(self.r.randint(1, 3)):
            at = self.r.randrange(len(text) + 1)
            text = text[:at] + self.some(WILD, 0.8) + text[at + (
                0 if self.chance(0.6) else 1):]
        return text

    def value(self) -> bytes:
        text = self.boxes()
        if self.chance(0.15):
            text = (self.some([b"Friends", b"\"g, h\""], 0.9) + b":"
                    + self.some([text], 0.8) + b";"
                    + self.some([b", " + self.boxes()], 0.3))
        if self.chance(0.25):
            text = self.spoilt(text)
        if self.chance(0.04):
            # Around the sizes of buffers, for one address and for lines.
            size = self.r.choice([1900, 2040, 4080, 5000, 9000, 20000, 60000])
            text += b"," + self.blank() + b"\n\t".join(
                [b"x" * 70] * (size // 72)) + b" <long>"
        if self.chance(0.02):
            text += b", " + b"y" * self.r.choice([1990, 3000, 4200])
        return self.some([b" ", b"\n ", b"\t"], 0.9) + text

    def field(self, names: list[bytes], value: bytes) -> bytes:
        """One field; a CR or a line that ends the header can't be in it."""
        text = self.r.choice(names) + b":" + value
        lines = [line for line in text.split(b"\n")]
        return b"\n".join(line if i == 0 or line[:1] in (b" ", b"\t")
                          else b" " + line for i, line in enumerate(lines)
                          ) + b"\n"

    def from_field(self) -> bytes:
        if self.chance(0.4):
            return b"From: Sender <sender@example.org>\n"
        return self.field([b"From", b"from", b"FROM"], self.value())

    def message(self) -> bytes:
        fields = [self.from_field()]
        for names in ([b"To", b"TO", b"to", b"To "], [b"Cc", b"CC", b"cC\t"]):
            for _ in range(self.r.choice([0, 1, 1, 1, 2])):
                fields.append(self.field(names, self.value()))
        for _ in range(self.r.choice([0, 0, 1, 2])):
            fields.append(self.field([b"Bcc", b"bcc ", b"BCC"], self.value()))
        for name, part in ((b"Date", 0.6), (b"Message-ID", 0.6),
                           (b"date ", 0.1), (b"DATE", 0.1),
                           (b"message-id", 0.1), (b"Subject", 0.8),
                           (b"Reply-To", 0.2), (b"Sender", 0.2)):
            if self.chance(part):
                fields.append(self.field([name], b" <x@y>\n\tz"))
        fields += self.more_fields()
        self.r.shuffle(fields)
        fields.append(b"X-Number: %d\n" % self.number)
        return b"".join(fields) + self.body()

    def more_fields(self) -> list[bytes]:
        """Dots at the start, long lines, empty fields, old signatures."""
        signed = [b"References", b"Subject", b"List-Id", b"In-Reply-To",
                  b"Content-Type", b"Resent-To", b"List-Unsubscribe"]
        values = [b"", b" ", b"\n ", b"\t\n\t", b" a\n .\n ..b", b" a\rb",
                  b" \xe9\xff", b"x:y;", b" " + b"<a@b.example> " * 300,
                  b" " + b"y" * 2500, b" " + b"z" * 1980 + b" z" * 40]
        fields = [self.r.choice(signed) + b":" + self.r.choice(values) + b"\n"
                  for _ in range(self.r.choice([0, 0, 1, 2, 4]))]
        if self.chance(0.1):
            fields.append(b".Dot: x\n ..y\n")
        if self.chance(0.05):
            fields.append(b"DKIM-Signature: v=1; a=rsa-sha256; d=x; s=y; "
                          b"h=from; bh=; b=\n")
        if self.chance(0.03):
            fields.append(b"X-Long: " + b"word " * 12000 + b"\n")
        return fields

    def body(self) -> bytes:
        if self.chance(0.1):
            return b""
        lines = [b"", b".", b"..", b".x", b"text", b" x \t y ", b"\t", b"\xe9",
                 b"a\rb", b".\r"]
        if self.chance(0.1):
            size = self.r.choice([1996, 1997, 1998, 4000, 65400, 65485, 65500])
            lines += [b"x" * size, b"." + b" y" * (size // 2), b" " * size]
        return b"\n" + b"".join(self.r.choice(lines) + b"\n" for _ in range(
            self.r.randrange(12)))
