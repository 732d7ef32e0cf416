#!/usr/bin/python3
"""Makes golden scripts for filter-sample from recorded smtpd dialogues.

usage: convert.py FOLDER TRANSCRIPT...

In a transcript "S: " is what smtpd sent and "F: " what some filter answered.
What smtpd sent is kept, as far as filter-sample registers for it; what the
answers of filter-sample have to be is worked out here, from the rules of the
manual and not from its code.
"""
import os
import re
import sys

EVENTS = {
    'link-connect', 'link-disconnect', 'link-greeting', 'link-identify',
    'link-tls', 'link-auth', 'tx-reset', 'tx-begin', 'tx-mail', 'tx-rcpt',
    'tx-rollback'}


def expand(text):
    return re.sub(rb'\{(.)\*(\d+)\}',
                  lambda m: m.group(1) * int(m.group(2)), text)


def shorten(text):
    return re.sub(rb'x{300,}', lambda m: b'{x*%d}' % len(m.group(0)), text)


def pieces(line, limit):
    """A body line in pieces that smtpd takes; only ASCII here."""
    while len(line) + line.startswith(b'.') > limit:
        at = limit - line.startswith(b'.')
        yield line[:at]
        line = line[at:]
    yield line


class Mail:
    def __init__(self, version):
        self.limit = 1997 if version < (0, 7) else 65485
        self.lines = []

    def answer(self):
        """Lines that go back, dots doubled."""
        undone = [l[1:] if l.startswith(b'.') else l for l in self.lines]
        body = undone.index(b'') if b'' in undone else len(undone)
        yield b'X-Body-Lines: %d' % max(0, len(undone) - body - 1)
        for i, line in enumerate(undone):
            assert i >= body or len(line) <= self.limit
            for piece in pieces(line, self.limit):
                yield b'.' + piece if piece.startswith(b'.') else piece
        yield b'.'


def convert(lines):
    """Steps of a script for what smtpd sent."""
    mails, ended = {}, set()
    for line in lines:
        word = line.split(b'|')
        if word[0] == b'config':
            yield b'> ' + line
            if word[1] == b'ready':
                yield b'< register'
            continue
        event, sid = word[4].decode(), word[5]
        if word[0] == b'report':
            if event not in EVENTS:
                continue
            yield b'> ' + line
            if word[3] != b'smtp-in':
                continue
            if event in ('tx-rollback', 'tx-reset', 'link-disconnect'):
                mails = {k: m for k, m in mails.items() if k[0] != sid}
                ended.add(sid)
            if event == 'tx-begin':
                ended.discard(sid)
            continue
        yield b'> ' + shorten(line)
        head = b'|'.join(word[5:7])
        if event != 'data-line':
            yield b'< filter-result|%s|proceed' % head
            continue
        if sid in ended:
            continue
        version = tuple(int(n) for n in word[1].split(b'.'))
        mail = mails.setdefault((sid, word[6]), Mail(version))
        text = b'|'.join(word[7:])
        if text == b'.':
            for out in mail.answer():
                yield b'< filter-dataline|%s|%s' % (head, shorten(out))
        else:
            mail.lines.append(text)


def sections(path):
    """Name of each recorded filter of a transcript, and what smtpd sent."""
    name, lines = None, []
    with open(path, 'rb') as f:
        for line in f.read().split(b'\n'):
            if line.startswith(b'== '):
                if name is not None:
                    yield name, lines
                name, lines = None, []
                if line.startswith(b'== filter'):
                    name = line[9:].strip().decode()
            elif name is not None and line.startswith(b'S: '):
                lines.append(expand(line[3:]))
    if name is not None:
        yield name, lines


def main():
    folder = sys.argv[1]
    for path in sys.argv[2:]:
        title = os.path.basename(path).rsplit('.', 1)[0]
        for name, lines in sections(path):
            script = title + ('-' + name if name else '')
            with open(os.path.join(folder, script), 'wb') as f:
                f.write(b'# From a recorded session; see convert.py.\n')
                for step in convert(lines):
                    f.write(step + b'\n')


main()
