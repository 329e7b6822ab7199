"""Runs a script over many bookings and prints, as JSON, how long it took and what it could not do.

With several threads each has a client of its own, and what fails is done again from its beginning,
after 0.5, 1, 2, 4 and 8 seconds: the retries that such scripts usually have. One thread has none.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator

from bench.bookings import Booking, told

WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
Carry = Callable[[Booking], None]


def carried_on(carry: Carry, rest: Iterator[int], lock: threading.Lock, lost: list[int]) -> None:
    """Carry what is left, one after the other, with retries."""
    while True:
        with lock:
            number = next(rest, None)
        if number is None:
            return
        for wait in (*WAITS, None):
            try:
                carry(told(number))
                break
            except Exception:  # noqa: BLE001  (a script's way: whatever it was, try again)
                if wait is None:
                    lost.append(number)
                else:
                    time.sleep(wait)


def counted(numbers: range) -> Iterator[int]:
    """The numbers, telling now and then how far it has come."""
    began = time.monotonic()
    for place, number in enumerate(numbers):
        if place and place % 100 == 0:
            print(f"  {place} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        yield number


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scripts", description=__doc__)
    parser.add_argument("crm")
    parser.add_argument("url")
    parser.add_argument("--token", default="sandbox")
    parser.add_argument("--bookings", type=int, default=100)
    parser.add_argument("--first", type=int, default=1, help="the number of the first booking")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    carrier = importlib.import_module(f"bench.scripts.{chosen.crm}").carrier
    numbers = counted(range(chosen.first, chosen.first + chosen.bookings))
    carriers: list[Carry] = [carrier(chosen.url, chosen.token) for _ in range(chosen.threads)]
    lost: list[int] = []
    began, cpu = time.perf_counter(), time.process_time()
    if chosen.threads == 1:
        for number in numbers:
            carriers[0](told(number))
    else:
        lock = threading.Lock()
        threads = [
            threading.Thread(target=carried_on, args=(carry, numbers, lock, lost))
            for carry in carriers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    made = {
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - cpu,
        "lost": len(lost),
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
