"""Seeded messages with one DKIM signature each: random header, body, tags,
key record, and a change afterwards for half of them.

The signer here is written from RFC 6376 and shares nothing with the programs
that are compared.
"""

import base64
import hashlib
import random
import re
from dataclasses import dataclass, field

import dkim.crypto
import nacl.signing

DOMAIN = "dkim.example"
T_NOW = 1735689600
FOLDS = [b"\n ", b"\n\t", b"\n  \t", b" \n "]
WORDS = [b"a", b"Hello", b"x  y", b"caf\xc3\xa9", b"=?utf-8?q?x?=", b"z;q=1",
         b"\"quoted, text\"", b"(comment)", b"\xe9\xff", b"b=c", b"1:2", b"."]
NAMES = [b"To", b"Subject", b"Date", b"Cc", b"Message-ID", b"X-One",
         b"X-One", b"Received", b"List-Id", b"MIME-Version", b"x-TWO"]
ABSENT = [b"Reply-To", b"Sender", b"In-Reply-To"]
LINES = [b"", b"", b" ", b"\t \t", b"text", b"two  words ", b"\tlead",
         b"tail\t", b"..", b".", b"caf\xc3\xa9\xff", b"x" * 300, b"a b\tc  d",
         b"-- ", b"DKIM-Signature: v=1"]


@dataclass
class Case:
    number: int
    raw: bytes                  # lines end in LF
    valid: bool | None          # what the signer thinks; None: changed
    features: set[str] = field(default_factory=set)


class Keys:
    """The keys of tests/fixtures/vectors and the records they are under."""

    def __init__(self, folder) -> None:
        def rsa(name: str) -> dict:
            return dkim.crypto.parse_pem_private_key(
                (folder / name).read_bytes())
        seed = (folder / "rfc8463-ed25519.seed.b64").read_text()
        self.rsa = rsa("test-rsa1024.pem")
        self.rsa2048 = rsa("test-rsa2048.pem")
        self.ed = nacl.signing.SigningKey(base64.b64decode(seed))

    def sign(self, kind: str, data: bytes) -> bytes:
        if kind == "ed":
            return self.ed.sign(hashlib.sha256(data).digest()).signature
        key = self.rsa2048 if kind == "rsa2048" else self.rsa
        return dkim.crypto.RSASSA_PKCS1_v1_5_sign(hashlib.sha256(data), key)


# --- canonicalization, RFC 6376 section 3.4 -----------------------------------

def canon_field(how: str, raw: bytes) -> bytes:
    """A field without its last line end, folds as LF."""
    if how == "simple":
        return raw.replace(b"\n", b"\r\n")
    name, _, value = raw.partition(b":")
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\n", b"")).strip(b" ")
    return name.rstrip(b" \t").lower() + b":" + value


def canon_body(how: str, lines: list[bytes]) -> bytes:
    if how == "relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ")
                 for line in lines]
    while lines and lines[-1] == b"":
        lines = lines[:-1]
    text = b"".join(line + b"\r\n" for line in lines)
    return text or (b"\r\n" if how == "simple" else b"")


def header_hash_input(how: str, fields: list[bytes], names: list[bytes],
                      own: bytes) -> bytes:
    left = list(fields)
    out = b""
    for name in names:
        for i in range(len(left) - 1, -1, -1):
            found = left[i].partition(b":")[0].rstrip(b" \t").lower()
            if found == name.lower():
                out += canon_field(how, left.pop(i)) + b"\r\n"
                break
    return out + canon_field(how, own)


# --- parts ----------------------------------------------------------------------

class Generator:
    def __init__(self, keys: Keys, seed: int) -> None:
        self.keys = keys
        self.seed = seed
        self.zone: dict[str, bytes] = {}
        self.selectors: dict[str, list[tuple[str, set[str]]]] = {}
        self._records()

    def _add(self, kind: str, text: bytes, *features: str) -> None:
        selector = f"{kind}{len(self.zone)}"
        self.zone[f"{selector}._domainkey.{DOMAIN}"] = text
        self.selectors.setdefault(kind, []).append((selector, set(features)))

    def _records(self) -> None:
        ed = base64.b64encode(bytes(self.keys.ed.verify_key))
        for kind in ("rsa", "rsa2048", "ed"):
            p = ed if kind == "ed" else public_rsa(
                self.keys.rsa2048 if kind == "rsa2048" else self.keys.rsa)
            k = b"ed25519" if kind == "ed" else b"rsa"
            good = [b"v=DKIM1; k=%s; p=%s", b"v=DKIM1;k=%s;p=%s;",
                    b"k=%s; p=%s", b"v=DKIM1; k=%s; n=a note; p=%s",
                    b"v=DKIM1; k=%s; x=y; p=%s", b"v=DKIM1; t=y; k=%s; p=%s",
                    b" v = DKIM1 ; k = %s ; p = %s "]
            for form in good * 3:
                self._add(kind, form % (k, p))
            odd = [(b"v=DKIM1; s=*; k=%s; p=%s", "key-s"),
                   (b"v=DKIM1; s=email; k=%s; p=%s", "key-s"),
                   (b"v=DKIM1; h=sha256; k=%s; p=%s", "key-h"),
                   (b"v=DKIM1; h=sha1:sha256; k=%s; p=%s", "key-h"),
                   (b"v=DKIM1; s=foo:email; k=%s; p=%s", "key-s-list"),
                   (b"v=DKIM1; t=s; k=%s; p=%s", "key-t-s"),
                   (b"v=DKIM1; t=y:s; k=%s; p=%s", "key-t-s")]
            bad = [(b"v=DKIM1; k=%s; p=", "key-revoked"),
                   (b"v=DKIM1; k=%s", "key-no-p"),
                   (b"v=DKIM2; k=%s; p=%s", "key-version"),
                   (b"k=%s; v=DKIM1; p=%s", "key-v-late"),
                   (b"v=DKIM1; h=sha1; k=%s; p=%s", "key-sha1"),
                   (b"v=DKIM1; s=tlsrpt; k=%s; p=%s", "key-service"),
                   (b"v=DKIM1; k=%s; k=%s; p=%s", "key-dup"),
                   (b"v=DKIM1; k=x%s; p=%s", "key-type"),
                   (b"v=DKIM1; k=%s; p=%s!", "key-base64"),
                   (b"v=DKIM1 k=%s; p=%s", "key-syntax")]
            for form, feature in odd + bad:
                values = (k, k, p) if form.count(b"%s") == 3 else (k, p)
                self._add(kind, form % values[:form.count(b"%s")], feature,
                          *(["bad-key"] if (form, feature) in bad else []))

    def fields(self, rnd: random.Random) -> list[bytes]:
        found = [b"From: " + rnd.choice(
            [b"a@dkim.example", b"A <a@dkim.example>",
             b"\"a, b\"\n <x@sub.dkim.example>", b"a@other.example"])]
        for name in rnd.sample(NAMES, rnd.randrange(1, len(NAMES))):
            if rnd.random() < 0.15:
                name = rnd.choice([name.upper(), name.lower()])
            words = rnd.choices(WORDS, k=rnd.randrange(0, 6))
            value = b"".join(rnd.choice([b" ", b" ", b"  ", b"\t"] + FOLDS)
                             + word for word in words)
            found.append(name + b":" + value + rnd.choice([b"", b"", b" "]))
        rnd.shuffle(found)
        return found

    def body(self, rnd: random.Random) -> list[bytes]:
        size = rnd.choice([0, 1, 2, 3, 5, 8, 12])
        return rnd.choices(LINES, k=size) + [b""] * rnd.choice([0, 0, 1, 3])

    def tags(self, rnd: random.Random, case: Case,
             fields: list[bytes], body: list[bytes]) -> tuple:
        """Tag list without b=, and what is needed to sign."""
        kind = rnd.choice(["rsa"] * 6 + ["rsa2048", "ed"])
        choices = self.selectors[kind]
        selector, features = rnd.choice(
            choices if rnd.random() < 0.3 else choices[:21])
        case.features |= features
        how = rnd.choice(["relaxed", "simple"]), rnd.choice(
            ["relaxed", "simple"])
        names = [b"From"] + rnd.choices(
            [f.partition(b":")[0] for f in fields] + ABSENT,
            k=rnd.randrange(0, 8))
        rnd.shuffle(names)
        if rnd.random() < 0.2:
            names += [b"From"]
        tags = [(b"v", b"1"),
                (b"a", b"ed25519-sha256" if kind == "ed" else b"rsa-sha256"),
                (b"c", f"{how[0]}/{how[1]}".encode()),
                (b"d", DOMAIN.encode()), (b"s", selector.encode()),
                (b"h", rnd.choice([b":", b":", b" : ", b":\n  "]).join(names)),
                (b"bh", base64.b64encode(hashlib.sha256(
                    canon_body(how[1], body)).digest()))]
        if how[1] == "simple" and rnd.random() < 0.3:
            tags[2] = (b"c", how[0].encode())
        if how == ("simple", "simple") and rnd.random() < 0.5:
            del tags[2]
        self._more_tags(rnd, case, tags)
        if rnd.random() < 0.3:
            first, rest = tags[0], tags[1:]
            rnd.shuffle(rest)
            tags = [first] + rest
        return kind, how, names, tags

    def _more_tags(self, rnd: random.Random, case: Case, tags: list) -> None:
        def value(name: bytes) -> bytes:
            return dict(tags)[name]
        if rnd.random() < 0.5:
            tags.append((b"t", b"%d" % (T_NOW + rnd.randrange(1000))))
        if rnd.random() < 0.1:
            tags.append((b"x", b"9999999999"))
        roll = rnd.random()
        if roll < 0.1:
            tags.append((b"i", rnd.choice([b"@", b"joe@"]) + value(b"d")))
        elif roll < 0.14:
            tags.append((b"i", b"@sub." + value(b"d")))
            case.features.add("i-sub")
        if rnd.random() < 0.1:
            tags.append((rnd.choice([b"y", b"x2", b"z_"]), b"what ever"))
        if rnd.random() > 0.12:
            return
        # one thing that is unusual or wrong
        feature, change = rnd.choice(ODD)
        case.features.add(feature)
        for i, (name, old) in enumerate(tags):
            if name == change[0]:
                tags[i] = (name, change[1](old))
                return
        tags.append((change[0], change[1](b"")))

    def field_text(self, rnd: random.Random, case: Case,
                   tags: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        """The signature field before and after the value of b=."""
        at = len(tags)
        if rnd.random() < 0.15:
            at = rnd.randrange(1, len(tags) + 1)
        parts, head = [], None
        for i, (name, value) in enumerate(
                tags[:at] + [(b"b", b"")] + tags[at:]):
            gap = rnd.choice([b" ", b" ", b"", *FOLDS])
            if i == 0:
                gap = rnd.choice([b" ", b"", b" ", b"\n "])
            equals = b"="
            if rnd.random() < 0.03:
                equals = rnd.choice([b" =", b"= ", b" = ", b"=\n "])
                case.features.add("wsp-around-equals")
            parts.append(gap + name + equals + value)
            if name == b"b" and head is None and i == at:
                head = len(parts)
        before = b"DKIM-Signature:" + b";".join(parts[:head])
        after = b"".join(b";" + p for p in parts[head:])
        if rnd.random() < 0.2:
            after += rnd.choice([b";", b"; ", b";\n "])
        return before, after

    def make(self, number: int) -> Case:
        rnd = random.Random(self.seed * 1_000_003 + number)
        case = Case(number, b"", None)
        fields, body = self.fields(rnd), self.body(rnd)
        kind, how, names, tags = self.tags(rnd, case, fields, body)
        before, after = self.field_text(rnd, case, tags)
        if rnd.random() < 0.1 and b"c" in dict(tags):
            after = b" " * rnd.randrange(1, 3) + after
            case.features.add("wsp-after-b")
        stripped = strip_b(before, after)
        value = base64.b64encode(self.keys.sign(
            kind, header_hash_input(how[0], fields, names, stripped)))
        own = before + fold(rnd, value) + after
        fields.insert(rnd.choice([0, 0, 0, len(fields)]), own)
        case.raw = b"".join(f + b"\n" for f in fields) + b"\n" + b"".join(
            line + b"\n" for line in body)
        if not body and rnd.random() < 0.3:
            case.raw = case.raw[:-1]
            case.features.add("header-only")
        case.valid = not case.features & INVALID
        if "i-sub" in case.features and "key-t-s" in case.features:
            case.valid = False
        if rnd.random() < 0.5:
            change(rnd, case)
        return case


def strip_b(before: bytes, after: bytes) -> bytes:
    """The field with an empty b=: FWS on both sides of its value goes too."""
    head, equals, tail = before.rpartition(b"=")
    assert not tail.strip(), before
    return head + equals + re.sub(rb"\A[ \t\n]+", b"", after)


def fold(rnd: random.Random, value: bytes) -> bytes:
    width = rnd.choice([len(value), 60, 20])
    gap = rnd.choice([b"\n ", b"\n\t", b" "])
    return gap.join(value[i:i + width] for i in range(0, len(value), width))


def der(tag: int, data: bytes) -> bytes:
    n = len(data)
    size = bytes([n]) if n < 128 else (
        bytes([0x81, n]) if n < 256 else bytes([0x82, n >> 8, n & 255]))
    return bytes([tag]) + size + data


def public_rsa(key: dict) -> bytes:
    def number(value: int) -> bytes:
        return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))
    inner = der(0x30, number(key["modulus"]) + number(key["publicExponent"]))
    oid = bytes.fromhex("06092a864886f70d0101010500")
    return base64.b64encode(
        der(0x30, der(0x30, oid) + der(3, b"\0" + inner)))


# What may be odd about a signature: feature, (tag, change of its value).
ODD = [("l", (b"l", lambda v: b"0")),
       ("expired", (b"x", lambda v: b"1735699999")),
       ("future", (b"t", lambda v: b"9999999998")),
       ("t-long", (b"t", lambda v: b"1735689600000")),
       ("t-word", (b"t", lambda v: b"now")),
       ("q-list", (b"q", lambda v: b"x/y:dns/txt")),
       ("q-dns", (b"q", lambda v: b"dns/txt")),
       ("q-other", (b"q", lambda v: b"x/y")),
       ("dup-tag", (b"d2", lambda v: b"x; d2=y")),
       ("v2", (b"v", lambda v: b"2")),
       ("a-unknown", (b"a", lambda v: b"rsa-sha512")),
       ("c-unknown", (b"c", lambda v: b"nowsp")),
       ("c-case", (b"c", lambda v: v.upper() or b"SIMPLE")),
       ("d-case", (b"d", lambda v: v.upper())),
       ("d-other", (b"d", lambda v: b"other.example")),
       ("i-other", (b"i", lambda v: b"@other.example")),
       ("i-suffix", (b"i", lambda v: b"@evil" + DOMAIN.encode())),
       ("h-empty-item", (b"h", lambda v: v + b"::to")),
       ("h-no-from", (b"h", lambda v: b"to:subject")),
       ("bh-bad", (b"bh", lambda v: b"!" + v)),
       ("bh-folded", (b"bh", lambda v: v[:9] + b"\n " + v[9:])),
       ("no-equals", (b"y2", lambda v: b"x; junk")),
       ("empty-tag", (b"y3", lambda v: b"x;;"))]
INVALID = {"l", "expired", "future", "t-long", "t-word", "q-other", "dup-tag",
           "v2", "a-unknown", "c-unknown", "c-case", "d-other", "i-other",
           "i-suffix", "h-empty-item", "h-no-from", "bh-bad", "no-equals",
           "empty-tag", "bad-key"}


# --- changes --------------------------------------------------------------------

def change(rnd: random.Random, case: Case) -> None:
    raw = case.raw
    at = rnd.randrange(len(raw))
    end = raw.find(b"\n\n") + 1 or len(raw)
    kind = rnd.choice(["byte", "byte", "insert", "delete", "wsp", "blank",
                       "refold", "top", "bottom", "append", "line", "case"])
    case.features.add("changed-" + kind)
    case.valid = None
    if kind == "byte":
        byte = raw[at] ^ rnd.choice([1, 2, 4, 8, 16, 32, 64, 128])
        raw = raw[:at] + bytes([byte or 1]) + raw[at + 1:]
    elif kind == "insert":
        raw = raw[:at] + rnd.choice(
            [b"x", b" ", b"\t", b";", b"\r", b"\n", b"=", b":", b"\xc3"]
        ) + raw[at:]
    elif kind == "delete":
        raw = raw[:at] + raw[at + 1:]
    elif kind == "wsp":
        at = raw.find(b"\n", at)
        raw = raw[:at] + b" \t" + raw[at:]
    elif kind == "blank":
        raw += b"\n" * rnd.randrange(1, 4)
    elif kind == "refold":
        at = raw.find(b" ", at, end)
        raw = raw[:at] + b"\n " + raw[at + 1:] if at > 0 else raw
    elif kind == "top":
        raw = rnd.choice(NAMES + [b"From", b"from"]) + b": added\n" + raw
    elif kind == "bottom":
        raw = raw[:end] + rnd.choice(NAMES) + b": added\n" + raw[end:]
    elif kind == "append":
        raw += rnd.choice(LINES[4:]) + b"\n"
    elif kind == "line":
        lines = raw.split(b"\n")
        i = rnd.randrange(len(lines) - 1)
        lines[i], lines[i + 1] = lines[i + 1], lines[i]
        raw = b"\n".join(lines)
    else:
        raw = raw[:at] + raw[at:at + 20].swapcase() + raw[at + 20:]
    raw = raw.replace(b"\0", b"\1")
    case.raw = raw if raw.endswith(b"\n") else raw + b"\n"
