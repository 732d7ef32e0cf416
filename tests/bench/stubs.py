# SPDX-License-Identifier: ISC
"""What filters need around them: keys, signed messages, DNS, HTTP."""
import base64
import os
import socket
import struct
import subprocess
import threading

from measure import BIN

TYPE_TXT = 16


class Dns(threading.Thread):
    """Answers each TXT question with the record of its selector.

    Selectors that start with "n" have a TTL of 0, so they are not cached; to
    those with "f" it answers SERVFAIL, and nothing at all to those with "s".
    """

    def __init__(self, records):
        super().__init__(daemon=True)
        self.records = records
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.questions = 0

    def answer(self, query):
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]])
            end += 1 + query[end]
        qtype = struct.unpack(">H", query[end + 1:end + 3])[0]
        question = query[12:end + 5]
        selector = labels[0].decode("latin-1").lower() if labels else ""
        kind = "ed25519" if selector.endswith("e") else "rsa"
        known = len(labels) > 2 and labels[1].lower() == b"_domainkey"
        body = b""
        if known and qtype == TYPE_TXT:
            text = self.records[kind].encode()
            data = b"".join(bytes([len(text[i:i + 255])]) + text[i:i + 255]
                            for i in range(0, len(text), 255))
            ttl = 0 if selector.startswith("n") else 3600
            body = b"\xc0\x0c" + struct.pack(">HHIH", TYPE_TXT, 1, ttl,
                                             len(data)) + data
        if selector.startswith("s"):
            return None
        flags = 0x8580 if known else 0x8583
        if selector.startswith("f"):
            flags, body = 0x8182, b""
        return query[:2] + struct.pack(">HHHHH", flags, 1, int(body != b""),
                                       0, 0) + question + body

    def run(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            self.questions += 1
            try:
                answer = self.answer(query)
                if answer:
                    self.sock.sendto(answer, peer)
            except (IndexError, struct.error, OSError):
                continue


class Http:
    """The HTTP stub with a fixed delay, and faults of 1000 requests."""

    def __init__(self, delay_ms, faults=0):
        self.process = subprocess.Popen(
            [os.path.join(BIN, "bench-httpstub"), "-d", str(delay_ms),
             "-f", str(faults)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def close(self):
        """Ends it; returns what it has counted."""
        self.process.terminate()
        return self.process.communicate()[1].strip()


def make_keys(folder):
    """Key files for both algorithms; returns paths and DNS records."""
    paths = {"rsa": os.path.join(folder, "rsa.pem"),
             "ed25519": os.path.join(folder, "ed25519.pem")}
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                    "rsa_keygen_bits:2048", "-out", paths["rsa"]],
                   stderr=subprocess.DEVNULL, check=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                    paths["ed25519"]], stderr=subprocess.DEVNULL, check=True)
    for path in paths.values():
        os.chmod(path, 0o600)
    records = {}
    for kind, path in paths.items():
        der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout",
                              "-outform", "DER"], stdout=subprocess.PIPE,
                             check=True).stdout
        raw = der if kind == "rsa" else der[-32:]
        records[kind] = "v=DKIM1; k=%s; p=%s" % (
            kind, base64.b64encode(raw).decode())
    return paths, records


def message(size):
    head = ("Date: Sun, 22 Nov 2026 10:06:02 +0000\n"
            "From: Sender <sender@example.net>\nTo: <u1@example.org>\n"
            "Subject: a signed message\nMessage-ID: <1@example.net>\n"
            "MIME-Version: 1.0\n\n")
    line = "The quick brown fox jumps over the lazy dog; %010d times so far.\n"
    lines = max(1, (size - len(head)) // len(line % 0))
    return head + "".join(line % i for i in range(lines))


def sign(path, text, keys, selectors):
    """Writes text to path with one signature for each selector."""
    for selector in selectors:
        kind = "ed25519" if selector.endswith("e") else "rsa"
        text = subprocess.run(
            [os.path.join(BIN, "bench-opendkim"), "sign", kind, keys[kind],
             "example.net", selector], input=text, stdout=subprocess.PIPE,
            text=True, check=True,
            # In a sanitized tree: libopendkim's leaks are not ours.
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0")).stdout
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    return path
