"""Waiting for something to become true: always with a deadline."""

import time
from typing import Callable, TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.01


def until(what: str, ready: Callable[[], T], seconds: float = 20) -> T:
    """Polls ready() until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = ready()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}, in vain")
        time.sleep(POLL_SECONDS)
