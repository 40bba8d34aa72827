"""python -m tests.soak --minutes N [--workers N] [--postgres] [--load X] [--report FILE]

Exits 1 when something was found.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from fractions import Fraction
from pathlib import Path

from tests.soak.run import Plan, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="One server under mixed load.")
    parser.add_argument("--minutes", type=_minutes, default=30.0, help="of load in all; the first part warms up")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="in the place of SQLite")
    parser.add_argument("--load", type=float, default=1.0, help="how many visitors and requests, against the usual")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="where to write all figures, as JSON")
    given = parser.parse_args()
    report = asyncio.run(soak(Plan(given.minutes, given.workers, given.postgres, given.load, given.seed)))
    sys.stdout.write("\n" + report.text())
    if given.report:
        report.write(given.report)
    return 1 if report.findings else 0


def _minutes(text: str) -> float:
    """A part of them, too, such as 30/3."""
    return float(Fraction(text))


if __name__ == "__main__":
    sys.exit(main())
