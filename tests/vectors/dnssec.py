"""A DNS zone signed with Ed25519 (RFC 4034, RFC 8080)."""

import hashlib
import struct

import nacl.signing
import zone
from lib.dns import TXT, Dns, Entry, labels, record, strings

RRSIG, DNSKEY = 46, 48
ALGORITHM, TTL = 15, 60
BEGIN, END = 1577836800, 3600000000     # 2020 to 2084


class Signer:
    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.key = nacl.signing.SigningKey(hashlib.sha256(b"test").digest())
        self.dnskey = struct.pack(">HBB", 257, 3, ALGORITHM) + bytes(
            self.key.verify_key)
        total = sum(byte << 8 if i % 2 == 0 else byte
                    for i, byte in enumerate(self.dnskey))
        self.tag = (total + (total >> 16)) & 0xffff

    @property
    def ds(self) -> str:
        """The record that a trust anchor has."""
        digest = hashlib.sha256(labels(self.domain) + self.dnskey).hexdigest()
        return f"{self.domain}. IN DS {self.tag} {ALGORITHM} 2 {digest}\n"

    def rrsig(self, name: str, kind: int, data: list[bytes]) -> bytes:
        head = struct.pack(">HBBIIIH", kind, ALGORITHM, name.count(".") + 1,
                           TTL, END, BEGIN, self.tag) + labels(self.domain)
        records = b"".join(sorted(record(name, kind, d, TTL) for d in data))
        return head + self.key.sign(head + records).signature


class SignedDns(Dns):
    """Serves what it is given with signatures made at that time."""

    signer: Signer | None = None
    signatures: dict[tuple[str, int], bytes] = {}

    def sign(self, domain: str) -> Signer:
        self.signer = Signer(domain)
        for name, entry in self.zone.items():
            self.signatures[name, TXT] = self.signer.rrsig(
                name, TXT, [strings(text) for text in entry.texts])
        self.zone[domain] = Entry()
        self.signatures[domain, DNSKEY] = self.signer.rrsig(
            domain, DNSKEY, [self.signer.dnskey])
        return self.signer

    def answers(self, name: str, kind: int) -> tuple[int, list[bytes]]:
        rcode, found = super().answers(name, kind)
        if kind == DNSKEY and self.signer and name == self.signer.domain:
            found.append(record(name, DNSKEY, self.signer.dnskey, TTL))
        if (name, kind) in self.signatures:
            found.append(record(name, RRSIG, self.signatures[name, kind],
                                TTL))
        return rcode, found


def start() -> tuple[SignedDns, str]:
    return zone.start(SignedDns)
