"""Where the programs are known to disagree, and the reading of the RFC that
makes ours right.

A rule holds for one peer, for one direction (what the filter says), and only
for messages that have what it is about.
"""

import re
from dataclasses import dataclass
from typing import Callable

PY, PERL = "dkimpy", "Mail::DKIM"
BASE64 = re.compile(rb"[A-Za-z0-9+/ \t\n]*=?[ \t\n]*=?[ \t\n]*\Z")


def signature(raw: bytes) -> bytes:
    """The first DKIM-Signature field with its folds, without the last LF."""
    found = re.search(rb"(?im)^DKIM-Signature[ \t]*:.*(?:\n[ \t].*)*", raw)
    return found[0] if found else b""


def tag(raw: bytes, name: bytes) -> bytes:
    """The value of a tag with the white space around it."""
    text = signature(raw).partition(b":")[2]
    found = re.search(rb"(?:\A|;)\s*" + name + rb"\s*=([^;]*)", text)
    return found[1] if found else b""


def is_simple(raw: bytes) -> bool:
    """Is the header canonicalization simple?"""
    how = tag(raw, b"c").strip()
    return not how or how.startswith(b"simple")


@dataclass
class Subject:
    features: set[str]
    raw: bytes
    theirs: str


def has(*features: str) -> Callable[[Subject], bool]:
    return lambda s: bool(s.features & set(features))


def odd_space(s: Subject) -> bool:
    """A CR, VT or FF inside a line of the header."""
    return bool(re.search(rb"[\r\v\f]", s.raw.split(b"\n\n", 1)[0]))


def wsp_at_colon(s: Subject) -> bool:
    """White space between the name of a field and its colon."""
    return bool(re.search(rb"(?m)^[!-9;-~]+[ \t]+:",
                          s.raw.split(b"\n\n", 1)[0]))


def odd_base64(s: Subject) -> bool:
    """b= or bh= has other characters, or not the padding it needs."""
    values = tag(s.raw, b"b"), tag(s.raw, b"bh")
    return not all(BASE64.match(v) and len(b"".join(v.split())) % 4 == 0
                   for v in values)


def wsp_at_b(s: Subject) -> bool:
    """White space next to the value of b=, or to its equals sign."""
    text = signature(s.raw)
    return bool(re.search(rb"[;\s]b\s+=|[;\s]b\s*=\s|"
                          rb"[;\s]b\s*=[^;]*\s(;|\Z)", text))


def wsp_at_end(s: Subject) -> bool:
    return is_simple(s.raw) and bool(re.search(rb"\s\Z", signature(s.raw)))


def ed25519(s: Subject) -> bool:
    return "ed25519" in s.theirs


def not_a_field(s: Subject) -> bool:
    """A line that is no field, or text before the first one."""
    return (s.raw[:1] in b" \t" or
            "Unexpected characters in RFC822 header" in s.theirs)


def two_froms(s: Subject) -> bool:
    head = s.raw.split(b"\n\n", 1)[0]
    return len(re.findall(rb"(?im)^from[ \t]*:", head)) > 1


def sub_and_strict(s: Subject) -> bool:
    return {"i-sub", "key-t-s"} <= s.features


# (peer, what the filter says, whose messages, the reading)
RULES: list[tuple[str, bool, Callable[[Subject], bool], str]] = [
    # what the signature says
    (PY, False, has("l"), "6376 8.2: l= is refused by local policy"),
    (PERL, False, has("l"), "6376 8.2: l= is refused by local policy"),
    (PERL, False, has("future"),
     "6376 3.5 t=: a time in the future MAY be treated as invalid"),
    (PERL, False, has("t-long", "t-word"),
     "6376 3.5 t=: 1*12DIGIT; 6.1.1: bad syntax is no signature"),
    (PERL, False, has("dup-tag"),
     "6376 3.2: a tag named twice makes the whole list invalid"),
    (PERL, False, has("empty-tag"),
     "6376 3.2: only one empty element is allowed, at the end"),
    (PERL, False, has("c-case"), "6376 3.2: values are case-sensitive"),
    (PERL, False, has("h-empty-item"),
     "6376 3.5 h=: every element is a hdr-name, which is not empty"),
    (PY, False, has("h-empty-item"),
     "6376 3.5 h=: every element is a hdr-name, which is not empty"),
    (PERL, False, odd_base64,
     "6376 3.5 b=, bh=: base64string allows nothing but FWS in between"),
    (PY, False, odd_base64,
     "6376 3.5 b=, bh=: base64string allows nothing but FWS in between"),
    (PY, True, wsp_at_colon,
     "6376 3.4.2: relaxed deletes WSP before the colon"),
    (PERL, True, lambda s: wsp_at_colon(s) and
     bool(re.match(rb"DKIM-Signature\s*[ \t]:", s.raw, re.I)),
     "6376 3.4.2: relaxed deletes WSP before the colon, its own too"),
    (PY, True, has("q-list"),
     "6376 3.5 q=: a list, of which one element that is known will do"),
    (PY, True, wsp_at_b,
     "6376 3.7: the value of b= goes with the FWS around it, nothing else"),
    (PY, True, wsp_at_end,
     "6376 3.4.1: simple keeps WSP at the end of the field"),
    (PY, False, wsp_at_end,
     "6376 3.4.1: simple keeps WSP at the end of the field"),
    (PY, False, odd_space,
     "6376 2.8, 3.4.2: WSP is SP and HTAB; CR, VT and FF are content"),
    (PERL, False, odd_space,
     "6376 2.8, 3.4.2: WSP is SP and HTAB; CR, VT and FF are content"),
    (PERL, True, ed25519, "8463: this version does not know ed25519"),
    (PY, True, two_froms,
     "6376 5.4.2: the lowest instance is signed; others are for policy"),
    # what the key says
    (PY, False, sub_and_strict,
     "6376 3.6.1 t=s: the domain of i= has to be that of d="),
    (PY, True, has("key-s-list"),
     "6376 3.6.1 s=: a list, of which one element has to fit"),
    (PY, False, has("key-sha1"), "6376 3.6.1 h=: sha256 is not allowed"),
    (PY, False, has("key-v-late"), "6376 3.6.1 v=: MUST be first"),
    (PERL, False, has("key-v-late"), "6376 3.6.1 v=: MUST be first"),
    (PY, False, has("key-base64"), "6376 3.6.1 p=: is not base64"),
    (PERL, False, has("key-dup"),
     "6376 3.2: a tag named twice makes the whole list invalid"),
    # the message around
    (PY, True, not_a_field,
     "6376 5.4: a line that is no field and is not signed is no concern"),
]


def reason(case, peer: str, our_pass: bool, theirs: str) -> str | None:
    subject = Subject(case.features, case.raw, theirs)
    for who, says, applies, why in RULES:
        if who == peer and says == our_pass and applies(subject):
            return why
    return None
