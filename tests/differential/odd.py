"""Signatures that are legal but odd, or just not legal, one by one: the tags,
white space in every place, the key records, the limits, the message around.

Each is signed by the signer of generate.py; the table says what RFC 6376 makes
of it.  Prints TAP.
"""

import base64
import hashlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "vectors"))

import zone as dns_zone  # noqa: E402
from pipe import Filter, Reply  # noqa: E402
from report import Report  # noqa: E402

from generate import (DOMAIN, Keys, canon_body, header_hash_input,  # noqa: E402
                      public_rsa)

PROGRAM = str(TESTS.parent / "filter-dkimverify/filter-dkimverify")
KEYS = Keys(dns_zone.VECTORS / "keys")
P = public_rsa(KEYS.rsa2048)
P_OTHER = public_rsa(KEYS.rsa)
ED = base64.b64encode(bytes(KEYS.ed.verify_key))
KEY = b"v=DKIM1; k=rsa; p=" + P
FIELDS = [b"From: a@dkim.example", b"To: b@x.example", b"Subject: x  y"]
BODY = [b"Hi  there ", b"", b" \t", b""]
CANONS = [(h, b) for h in ("relaxed", "simple") for b in ("relaxed", "simple")]
FIELD_MAX, TAGS_MAX, NAMES_MAX, RECORD_MAX = 16 * 1024, 64, 500, 8 * 1024


@dataclass
class Mail:
    """A message that is signed when its text is asked for."""
    canon: tuple[str, str] = ("relaxed", "relaxed")
    fields: list[bytes] = field(default_factory=lambda: list(FIELDS))
    body: list[bytes] = field(default_factory=lambda: list(BODY))
    names: list[bytes] = field(
        default_factory=lambda: [b"from", b"to", b"subject"])
    tags: dict[bytes, bytes] = field(default_factory=dict)  # other values
    more: list[bytes] = field(default_factory=list)         # tags as text
    kind: str = "rsa2048"
    head: bytes = b"DKIM-Signature: "
    gap: bytes = b"; "                  # between tags
    b_tag: bytes = b"b="
    b_at: int | None = None             # tags before b=
    tail: bytes = b""                   # after the value of b=
    change: Callable[[bytes], bytes] = bytes    # of the value of b=
    at: int = 0                         # fields above the signature
    blank: bool = True                  # an empty line below the header

    def text(self) -> bytes:
        bh = hashlib.sha256(canon_body(self.canon[1], self.body)).digest()
        values = {b"v": b"1", b"a": b"rsa-sha256",
                  b"c": "/".join(self.canon).encode(),
                  b"d": DOMAIN.encode(), b"s": b"s",
                  b"h": b":".join(self.names), b"bh": base64.b64encode(bh),
                  **self.tags}
        tags = [n + b"=" + v for n, v in values.items()] + self.more
        at = len(tags) if self.b_at is None else self.b_at
        before = self.head + self.gap.join([*tags[:at], self.b_tag])
        after = self.tail + b"".join(self.gap + t for t in tags[at:])
        own = before + re.sub(rb"\A[ \t\n]+", b"", after)
        value = base64.b64encode(KEYS.sign(self.kind, header_hash_input(
            self.canon[0], self.fields, self.names, own)))
        fields = list(self.fields)
        fields.insert(self.at, before + self.change(value) + after)
        lines = fields + ([b"", *self.body] if self.blank else [])
        return b"".join(line + b"\n" for line in lines)


Case = tuple[str, str, Mail]


def with_field(value: bytes, **more) -> Mail:
    return Mail(fields=[*FIELDS, b"X-A:" + value], names=[b"from", b"x-a"],
                **more)


def spaced(value: bytes) -> bytes:
    return b"\n ".join(value[i:i + 1] for i in range(len(value)))


def message_cases(canon: tuple[str, str]) -> list[Case]:
    """What may be in a message, for one canonicalization."""
    octets = bytes(i for i in range(1, 256) if i not in (10, 13))
    bodies = [[], [b""], [b" ", b"\t", b""], [b" ", b"x", b"\t"], [octets],
              [b"a\rb", b"c\r", b"\r", b" \r ", b"\r\r", b""], [b"a", b"\r"],
              [b"a\x0b\x0c b\x0c", b"\x0c"], [b"a\xa0\xa0b\xc2\xa0"],
              [b".", b"..", b".x"], [b"x" * 65534, b"y"],
              [b"x " * 32743, b"y"]]
    values = [octets, b"a\rb \r c\r", b" a\r\n b\r", b"\n \n\t\n a\n  \n\t",
              b" " + b"a b  " * 9000, b" " + b"x" * 65400, b"", b" \t",
              b" \t" * 5000 + b"\n " + b" " * 5000 + b"x\t\t", b"\n .\n ..b"]
    mails = [Mail(canon, body=b) for b in bodies]
    mails += [with_field(v, canon=canon) for v in values]
    mails += [Mail(canon, blank=False, body=[]),
              Mail(canon, blank=False, body=[], at=3),
              Mail(canon, fields=[b".dot: z", b"no field", b": x", *FIELDS],
                   at=3),
              Mail(canon, fields=[b"X: 1", FIELDS[0], b"x : 2", b"x\t:3"],
                   names=[b"x", b"from", b"X", b"x", b"x"]),
              Mail(canon, names=[b"from", b"dkim-signature"])]
    return [(f"{'/'.join(canon)}: message {i}", "pass", m)
            for i, m in enumerate(mails)]


def space_cases(canon: tuple[str, str]) -> list[Case]:
    """White space, and the text "b=", wherever they may be in the field."""
    mails = [Mail(canon, head=h + b" ") for h in (
        b"dKiM-SIGNATURE:", b"DKIM-Signature \t:", b"DKIM-Signature:\n",
        b"DKIM-Signature:\n \n")]
    mails += [Mail(canon, tail=t) for t in (
        b" ", b"\n  ", b" \n\t\n ", b";", b"; ", b";\n \n ", b"\n ;\n ")]
    mails += [Mail(canon, gap=g) for g in (
        b";", b"\n\t;\n ", b" \t;\t ", b";\n \n\t\n ")]
    mails += [Mail(canon, b_tag=b, b_at=at) for at in (None, 0, 1, 4)
              for b in (b"b=", b"b =", b"b\n =", b"b\t\n \n =")]
    mails += [Mail(canon, change=c) for c in (
        spaced, lambda v: b"\n " + v + b"\n ",
        lambda v: v[:9] + b"\n \n\t\n " + v[9:])]
    mails += [Mail(canon, more=[z], b_at=at) for at in (None, 4) for z in (
        b"z=From:a=20b=3Dx|b=abc", b"bz=b=x", b"y=b=", b"x_b=;b_=b=",
        b"zb =b= x", b"r= \tb= \tq", b"n=", b"n= ", b"n =\n \n a")]
    mails += [Mail(canon, tags={b"h": b"\n from\n : to\t:\n \n subject \n "}),
              Mail(canon, tags={b"d": b"\n dkim.example\n ", b"s": b" s\t"})]
    return [(f"{'/'.join(canon)}: field {i}", "pass", m)
            for i, m in enumerate(mails)]


# tag, result, values
VALUES = [
    (b"t", "pass", [b"0", b"000000000001", b"\n 1735689600\n "]),
    (b"t", "policy", [b"999999999999"]),
    (b"t", "neutral", [b"0000000000001", b"", b"-1", b"+1", b"1 2", b"0x10",
                       b"1.5", b"1735\n 689600"]),
    (b"x", "pass", [b"999999999999", b"009999999999"]),
    (b"x", "policy", [b"0", b"000000000001"]),
    (b"x", "neutral", [b"0999999999999", b"", b"9999999999x"]),
    (b"i", "pass", [
        b"@dkim.example", b"@DKIM.Example", b"a@a.b.c.dkim.example",
        b"a=40dkim.example", b"a=40b@dkim.example", b"=20a=3Bb=3D@dkim.example",
        b"a@dkim.=65xample", b"a b@dkim.example", b"\"a b\"@dkim.example",
        b"\xc3\xbc@dkim.example", b"=C3=BC@dkim.example",
        b"a@\xc3\xbc.dkim.example", b"a@" + b"x" * 63 + b".dkim.example",
        b"a" * 300 + b"@dkim.example"]),
    (b"i", "neutral", [
        b"", b"@", b"a@", b"dkim.example", b"@example",
        b"@im.example", b"a@xdkim.example", b"a@.dkim.example",
        b"a@dkim.example.", b"a@dkim.example=", b"a@dkim.example=0",
        b"a@evil=64kim.example", b"a@\xfc.dkim.example",
        b"a@" + b"x" * 64 + b".dkim.example"]),
    (b"q", "pass", [b"dns/txt", b"dns/txt:", b" x : dns/txt", b"x/y:dns/txt",
                    b"http/a=3ab:\n dns/txt"]),
    (b"q", "neutral", [b"", b"dns", b"dns /txt", b"dns/txt/x"]),
    (b"l", "policy", [b"0", b"1", b"10", b"0" * 75 + b"1"]),
    (b"l", "neutral", [b"", b"x", b"-1", b"11", b"9" * 76, b"9" * 77]),
    (b"c", "pass", [b" relaxed/relaxed\n "]),
    (b"c", "neutral", [b"", b"Relaxed/relaxed", b"relaxed/", b"/relaxed",
                       b"relaxed / relaxed", b"relaxed/relaxed/relaxed"]),
    (b"v", "pass", [b" 1 ", b"\n 1"]),
    (b"v", "neutral", [b"", b"01", b"1.0", b"2", b"1 1", b"0.5"]),
    (b"a", "permerror", [b"rsa-sha1"]),
    (b"a", "neutral", [b"", b"rsa", b"RSA-SHA256", b"rsa-sha256-x",
                       b"ed25519-sha256", b"rsa - sha256"]),
    (b"s", "pass", [b"S", b"a.b.c", b"a_b", b"x" * 63, b"\xc3\xbc", b"0"]),
    (b"s", "neutral", [b"", b"x.", b".x", b"a..b", b"x" * 64, b"s s", b"*"]),
    (b"d", "pass", [b"DKIM.EXAMPLE", b"x_y.example", b"example",
                    b"\xc3\x9c.EXAMPLE", b"XN--TDA.example"]),
    (b"d", "neutral", [b"", b"dkim.example.", b"[127.0.0.1]", b"a b.example",
                       b"dkim.ex\n ample", b"x" * 64 + b".example"]),
    (b"bh", "fail", [base64.b64encode(bytes(32))]),
    (b"bh", "neutral", [b"", base64.b64encode(bytes(31)),
                        base64.b64encode(bytes(33)), b"A" * 43]),
    (b"h", "pass", [b"From:to:SUBJECT", b"\n from\n :\n to\n :\n subject"]),
    (b"h", "neutral", [b"", b"to:subject", b"from:", b":from", b"from::to",
                       b"from: :to", b"fr om:to", b"from,to", b"from:t\xc3"]),
]


def value_cases() -> list[Case]:
    found = []
    for name, want, values in VALUES:
        for value in values:
            mail = Mail(tags={name: value}, body=[b"Hi  there ", b""])
            found.append((f"{name.decode()}={value[:40]!r}", want, mail))
    for text in (b"zz=a=b==", b"aB_9=x", b"z=\xc3\xbc", b"D=other.example"):
        found.append((f"tag {text!r}", "pass", Mail(more=[text])))
    for text in (b"x", b"=x", b"", b"1a=x", b"_a=x", b"a-b=x", b"a b=x",
                 b"z=\x7f", b"z=\x01", b"z=a\rb", b"\xc3\xbc=1", b"z:x=1",
                 b"d=dkim.example", b"zz=1; zz=1", b"b="):
        found.append((f"tag {text!r}", "neutral", Mail(more=[text])))
    found.append(("t= and x= equal", "neutral",
                  Mail(more=[b"t=9999999999", b"x=9999999999"])))
    for what, want, change in [
            ("no padding", "neutral", lambda v: v.rstrip(b"=")),
            ("more padding", "neutral", lambda v: v + b"="),
            ("a letter more", "neutral", lambda v: v + b"A"),
            ("an octet less", "fail",
             lambda v: base64.b64encode(base64.b64decode(v)[:-1])),
            ("a zero before", "fail",
             lambda v: base64.b64encode(b"\0" + base64.b64decode(v)))]:
        found.append((f"b= with {what}", want, Mail(change=change)))
    return found


def limit_cases() -> list[Case]:
    size = len(Mail().text().split(b"\nFrom")[0]) + 1
    found = []
    for over in (0, 1):
        want = "neutral" if over else "pass"
        pad = b"n=" + b"x" * (FIELD_MAX - size - 4 + over)
        names = [b"from"] + [b"x%d" % i for i in range(NAMES_MAX - 1 + over)]
        tags = [b"e%d=" % i for i in range(TAGS_MAX - 8 + over)]
        found += [(f"{over} over {FIELD_MAX} octets", want, Mail(more=[pad])),
                  (f"{over} over {NAMES_MAX} names", want, Mail(names=names)),
                  (f"{over} over {TAGS_MAX} tags", want, Mail(more=tags))]
    return found


# result, TXT records of a name
RECORDS: list[tuple[str, list[list[object]]]] = [
    ("pass", [[r] for r in (
        b"p=" + P, b" p= " + P + b" ", b"v=DKIM1;p=" + P + b"; ",
        b"\tv\t=\tDKIM1 ;\tp = " + P, b"v=DKIM1\r\n ;p=" + P, b"V=x; p=" + P,
        b"v=DKIM1; k= rsa ; p=" + P, b"v=DKIM1; h= sha1 : sha256; p=" + P,
        b"v=DKIM1; s=x : email; p=" + P, b"v=DKIM1; s=tlsrpt:*; p=" + P,
        b"v=DKIM1; t=; n=; g=; p=" + P, b"v=DKIM1; t=s:y:z; p=" + P,
        b"a=rsa-sha256; p=" + P,
        b"p=" + b" ".join(P[i:i + 3] for i in range(0, len(P), 3)),
        KEY + b"; n=" + b"x" * (RECORD_MAX - len(KEY) - 4),
        KEY + b"".join(b";e%d=" % i for i in range(TAGS_MAX - 3)))]),
    ("permerror", [[r] for r in (
        b"", b" ", b"p", b"v=DKIM1", b"v=DKIM1;", b"v=DKIM1; p=", b"p= ;",
        b"v=DKIM1;;p=" + P, b";p=" + P, KEY + b";;", b"k=; p=" + P,
        b"h=; p=" + P, b"s=; p=" + P, b"v=; p=" + P, b"k=rsa;v=DKIM1;p=" + P,
        b"v=DKIM1\r\n;p=" + P, b"v=DKIM1 k=rsa; p=" + P, b'"' + KEY + b'"',
        b"v=DKIM1\\; p=" + P, b'v=DKIM1; p="' + P + b'"', b"k=RSA; p=" + P,
        b"k=rs; p=" + P, b"k=rsax; p=" + P, b"k=rsa:ed25519; p=" + P,
        b"h=SHA256; p=" + P, b"h=sha256x; p=" + P, b"s=Email; p=" + P,
        b"s=e; p=" + P, b"s=**; p=" + P, KEY + b"; p=" + P,
        KEY + b"; n=a; n=b", KEY + b"; n=a\0b", KEY + b"=", b"p=!" + P,
        b"p=" + P[:100], b"p=" + ED, b"k=ed25519; p=" + ED,
        b"v=DMARC1; p=reject", b"v=spf1 p=x", b"v=dkim1; p=" + P,
        b"v=DKIM10; p=" + P, b"_x=1; p=" + P, b"a-b=1; p=" + P,
        KEY + b"; n=" + b"x" * (RECORD_MAX - len(KEY) - 3),
        KEY + b"".join(b";e%d=" % i for i in range(TAGS_MAX - 2)))]),
    ("pass", [[tuple(KEY[i:i + n] for i in range(0, len(KEY), n))]
              for n in (1, 2, 5, 17, 100)]),
    ("pass", [[(b"", KEY[:5], b"", b"", KEY[5:250], KEY[250:], b"")],
              [KEY, KEY], [b"p=" + P_OTHER, KEY], [KEY, b"p=" + P_OTHER],
              [b"v=spf1 -all", b"junk", b"a=b", KEY], [b"p=", KEY],
              [b"v=DKIM2; p=x", KEY], [b"k=ed25519; p=" + ED, KEY],
              [b"v=DKIM1;;", KEY], [*[b"x"] * 15, KEY]]),
    ("permerror", [[b"p=" + P_OTHER, b"p=" + P_OTHER]]),
]


def key_cases(dns) -> list[Case]:
    """One selector for each, with the records in the zone."""
    found = []
    for want, sets in RECORDS:
        for texts in sets:
            selector = f"k{len(found)}"
            dns.add(f"{selector}._domainkey.{DOMAIN}", *texts)
            found.append((f"{selector}: {str(texts)[:60]}", want,
                          Mail(tags={b"s": selector.encode()})))
    for selector, flags in (("strict", b"s"), ("strict2", b"y : s"),
                            ("loose", b"S"), ("loose2", b"sx")):
        dns.add(f"{selector}._domainkey.{DOMAIN}", b"t=" + flags + b"; " + KEY[
            len(b"v=DKIM1; "):])
        for i, same in ((b"x@DKIM.example", True), (b"@a.dkim.example", False)):
            good = same or selector.startswith("loose")
            found.append((f"t={flags.decode()} and i={i.decode()}",
                          "pass" if good else "permerror", Mail(tags={
                              b"s": selector.encode(), b"i": i})))
    return found


def fill(dns) -> None:
    for selector in ("s", "a.b.c", "a_b", "x" * 63, "xn--tda", "0"):
        dns.add(f"{selector}._domainkey.{DOMAIN}", KEY)
    for domain in ("x_y.example", "example", "xn--tda.example"):
        dns.add(f"s._domainkey.{domain}", KEY)


def is_unchanged(reply: Reply, raw: bytes, limit: int) -> bool:
    """Below the result, and unless smtpd could not take it back."""
    long = any(len(line) >= limit for line in raw.split(b"\n"))
    return long or reply.text.endswith(raw)


def main() -> int:
    dns, server = dns_zone.start()
    fill(dns)
    cases = [c for canon in CANONS
             for c in message_cases(canon) + space_cases(canon)]
    cases += value_cases() + limit_cases() + key_cases(dns)
    filter_ = Filter(PROGRAM, "-q", "-r", server)
    report = Report()
    for what, want, mail in cases:
        raw = mail.text()
        reply = filter_.run(raw)
        problem = ""
        if reply.results != want:
            problem = f"expected {want}\n     got {reply.results}"
        elif not is_unchanged(reply, raw, 65485):
            problem = "the message was changed"
        report.case(what, problem)
    status = filter_.stop()
    report.case("the filter ends well",
                "" if status == 0 else f"status {status}\n{filter_.said()}")
    dns.stop()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
