"""All works, and the words for some of them."""

from __future__ import annotations

from bench.growth import GROWTH, POSTGRES_USERS_MAX
from bench.works import WORKS, Work

ALL = (*WORKS, *GROWTH)


def find_works(words: str) -> list[Work]:
    """`W3,login` or `storm`; W5 alone means all three of them, growth all curves, users those of one kind.

    Without a word those of the first table. Raises KeyError naming what is not known.
    """
    found: list[Work] = []
    for word in words.split(",") if words else ():
        some = [work for work in ALL if _is_meant(work, word)]
        if not some:
            raise KeyError(word)
        found += some
    return found or list(WORKS)


def _is_meant(work: Work, word: str) -> bool:
    if word == "growth":
        return work in GROWTH
    return word in (work.id, work.alias) or (word == "W5" and work.id.startswith("W5"))


def fit(works: list[Work], database: str) -> list[Work]:
    """Without those for which filling a PostgreSQL would take too long."""
    return [work for work in works if database == "sqlite" or work.users <= POSTGRES_USERS_MAX]
