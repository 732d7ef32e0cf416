#!/usr/bin/python3
"""Plays golden scripts to real filter processes over a socket pair, as smtpd
does; prints TAP.

usage: real.py NAME=PROGRAM...

NAME is a folder of tests/golden/scripts.  Scripts that need a clock, a
network, or memory and disks that fail are left to the driver.
"""
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WAIT = 20  # seconds for an answer; only a failure takes that long
ALONE = {b'tick', b'http', b'dns', b'disk', b'memory'}


class Failed(Exception):
    pass


def expand(text):
    return re.sub(rb'\{([^{}]*)\*(\d+)\}',
                  lambda m: m.group(1) * int(m.group(2)), text)


def pad(text):
    """Short ids of an expected answer in full."""
    word = text.split(b'|')
    if word[0].startswith(b'filter-'):
        word[1:3] = [w.rjust(16, b'0') for w in word[1:3]]
    return b'|'.join(word)


def read_script(path):
    args, steps = [], []
    with open(path, 'rb') as f:
        for line in f.read().split(b'\n'):
            verb, _, text = line.partition(b' ')
            if verb == b'args':
                args = [w.decode() for w in text.split()]
            elif verb in ALONE:
                return None
            elif verb in (b'>', b'<'):
                steps.append((verb, expand(text)))
    return args, steps


class Filter:
    def __init__(self, program, args, chunk):
        self.ours, theirs = socket.socketpair()
        self.stderr = tempfile.TemporaryFile()
        self.proc = subprocess.Popen(
            [program, *args], stdin=theirs, stdout=theirs, stderr=self.stderr)
        theirs.close()
        self.ours.setblocking(False)
        self.got = b''
        self.chunk = chunk

    def pump(self, out, until):
        """Sends out and reads until the answers make until() true."""
        end = time.monotonic() + WAIT
        while out or not until():
            left = end - time.monotonic()
            if left <= 0:
                raise Failed('no answer')
            r, w, _ = select.select(
                [self.ours], [self.ours] if out else [], [], left)
            if r:
                data = self.ours.recv(1 << 20)
                if not data:
                    raise Failed('it ended')
                self.got += data
            if w:
                out = out[self.ours.send(out[:self.chunk]):]

    def send(self, data):
        self.pump(data, lambda: True)

    def line(self):
        self.pump(b'', lambda: b'\n' in self.got)
        line, _, self.got = self.got.partition(b'\n')
        return line

    def end(self):
        """End of input: it must go, with status 0, and say nothing more."""
        self.ours.shutdown(socket.SHUT_WR)
        try:
            status = self.proc.wait(WAIT)
        except subprocess.TimeoutExpired:
            raise Failed('it does not end')
        if status != 0:
            raise Failed('status %d' % status)

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        self.ours.close()
        self.stderr.close()


def play(program, args, steps, chunk):
    f = Filter(program, args, chunk)
    try:
        batch = []
        for verb, text in steps:
            if verb == b'>':
                batch.append(text + b'\n')
                continue
            f.send(b''.join(batch))
            batch = []
            got = f.line()
            if text == b'register':
                while got != b'register|ready':
                    got = f.line()
            elif got != pad(text):
                raise Failed('got %r for %r' % (got[:120], text[:120]))
        f.send(b''.join(batch))
        f.end()
        if f.got:
            raise Failed('more than expected: %r' % f.got[:120])
    finally:
        f.close()


def cut(program, args, steps):
    """The input ends after each step: the process goes, quietly."""
    for n in range(0, len(steps), max(1, len(steps) // 25)):
        f = Filter(program, args, 1 << 20)
        try:
            f.send(b''.join(t + b'\n' for v, t in steps[:n] if v == b'>'))
            f.send(b'filter|0.7|1.0|smtp')
            f.end()
        finally:
            f.close()


def main():
    bad = False
    for arg in sys.argv[1:]:
        name, _, program = arg.partition('=')
        folder = os.path.join(HERE, 'scripts', name)
        for script in sorted(os.listdir(folder)):
            read = read_script(os.path.join(folder, script))
            if read is None or script == 'version-0.3':
                continue
            args, steps = read
            size = sum(len(t) for _, t in steps)
            try:
                play(program, args, steps, 1 << 20)
                if size < 20000:
                    play(program, args, steps, 1)
                cut(program, args, steps)
                print('ok - real %s: %s' % (name, script))
            except Failed as why:
                bad = True
                print('not ok - real %s: %s' % (name, script))
                print('# %s' % why)
            sys.stdout.flush()
    return bad


sys.exit(main())
