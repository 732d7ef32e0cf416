"""Messages whose signatures verifiers have been seen to disagree on."""

FROM = b"From: Sender <sender@example.net>\n"
HEAD = (FROM + b"To: user@example.org\nSubject: Hello\n"
        b"Date: Sun, 22 Nov 2026 12:00:00 +0000\n"
        b"Message-ID: <1@client.example>\n")
TEXT = b"Hello.\n"
RECIPIENTS = b",\n\t".join(b"user%d@example.org" % i for i in range(1000))

SHAPES = {
    "plain": HEAD + b"\n" + TEXT,
    "empty body": HEAD + b"\n",
    "no blank line": HEAD,
    "one empty line": HEAD + b"\n\n",
    "only empty lines": HEAD + b"\n\n\n\n",
    "trailing blank lines": HEAD + b"\n" + TEXT + b"\n\n\n",
    "leading blank lines": HEAD + b"\n\n\n" + TEXT,
    "lines of white space": HEAD + b"\nHello.\n \n\t\n  \t \n" + TEXT,
    "white space at the end": HEAD + b"\nHello.  \nHi \t\n \n\t\n",
    "white space inside": HEAD + b"\n Hello \t  there \t\n\tyou\n",
    "dots": HEAD + b"\n.\n..\n...\n.text\n..text\n. \n",
    "8-bit": (HEAD + b"X-Name: caf\xe9\nContent-Type: text/plain; charset=utf-8"
              b"\n\n\xc3\xbcber caf\xe9 \xff\xa0\n"),
    "line of 65 KB": HEAD + b"\n" + b"x" * 65_000 + b"\nend\n",
    "field of 5000 bytes": HEAD + b"References: " + b"<id@example> " * 400
                           + b"\n\n" + TEXT,
    "folded fields": (FROM + b"To:\n user@example.org,\n\tother@example.org\n"
                      b"Subject:\n  folded \t\n\t twice\n \there\n\n" + TEXT),
    "empty fields": FROM + b"Subject:\nReply-To: \nCc:\t\n\n" + TEXT,
    "white space before colons": (FROM + b"Subject : Hello\nTo\t: x@y.example"
                                  b"\n\n" + TEXT),
    "duplicated fields": (HEAD + b"Subject: again\nTo: a@b.example\n"
                          b"TO: c@d.example\nsubject: third\n\n" + TEXT),
    "resent fields": (b"Resent-To: a@b.example\nResent-From: c@d.example\n"
                      b"Resent-To: e@f.example\n" + HEAD
                      + b"List-Id: <one>\nLIST-ID: <two>\n\n" + TEXT),
    "1000 recipients": FROM + b"To: " + RECIPIENTS + b"\n\n" + TEXT,
    "no space after colons": b"from:sender@example.net\nto:x@y.example\n\n."
                             b"\n",
}
BIG = HEAD + b"\n" + (b"0123456789" * 7 + b"\n") * 425_000
