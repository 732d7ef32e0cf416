# SPDX-License-Identifier: ISC
"""Says preload.c, inside of a filter, what goes wrong."""

import functools
import mmap
import os
import shlex
import struct
import subprocess
import threading
from pathlib import Path

import case as case_

HERE = Path(__file__).resolve().parent
JUMP, NO_THREADS, LEFT, FAIL, FAILED = range(0, 40, 8)
SIZE = 4096
BUILDING = threading.Lock()


@functools.cache
def _build() -> Path | str:
    """The library, or why there is none."""
    if case_.is_sanitized():
        return "the sanitizer's library must come first"
    library = case_.shared()[0].parent / "preload.so"
    done = subprocess.run(
        [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-D_GNU_SOURCE",
         "-Wall", "-Wextra", "-O1", "-shared", "-fPIC", "-o", library,
         HERE / "preload.c", "-ldl"],
        capture_output=True, text=True, check=False)
    return library if done.returncode == 0 else (
        "preload.c cannot be built: " + done.stderr.strip().splitlines()[-1])


class Control:
    def __init__(self, case: "case_.Case") -> None:
        with BUILDING:
            library = _build()
        if isinstance(library, str):
            raise case_.Skip(library)
        path = case.folder / "control"
        path.write_bytes(bytes(SIZE))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), SIZE)
        self.env = {**os.environ, "LD_PRELOAD": str(library),
                    "FAULTS_CONTROL": str(path)}

    def _set(self, at: int, value: int) -> None:
        struct.pack_into("=q", self.map, at, value)

    def jump(self, seconds: int) -> None:
        """The wall clock is so much ahead from now on."""
        self._set(JUMP, seconds)

    def threads(self, can_start: bool) -> None:
        self._set(NO_THREADS, not can_start)

    def fail(self, left: int, count: int) -> None:
        """The left-th allocation from now on fails, and count in all; 0:
        none."""
        self._set(LEFT, 0)
        self._set(FAIL, count)
        self._set(LEFT, left)

    @property
    def failed(self) -> int:
        return struct.unpack_from("=q", self.map, FAILED)[0]
