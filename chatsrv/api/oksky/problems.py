"""Everything that is wrong with what was sent, in one answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from chatsrv.api.dialect import Call
from chatsrv.domain.errors import Conflict, Invalid, Problem

UNIQUE = ("username", "email")
TAKEN = "has already been taken"


@asynccontextmanager
async def telling_all(call: Call, user: Mapping[str, Any], own_id: int | None = None) -> AsyncIterator[None]:
    """Whatever is refused of a user with these values, Invalid tells it along with every value that others have.

    Asks for these only then; what the database found to be taken stays so, whoever has let go of it since.
    """
    try:
        yield
    except Invalid as error:
        raise Invalid(*error.problems, *_taken(await _find_taken(call, user, own_id))) from error
    except Conflict as error:
        taken = await _find_taken(call, user, own_id)
        raise Invalid(*_taken({error.field, *taken})) from error


async def _find_taken(call: Call, user: Mapping[str, Any], own_id: int | None) -> frozenset[str]:
    given = {name: user[name] for name in UNIQUE if isinstance(user.get(name), str)}
    return await call.services.holders.find_taken(call.app.id, given, own_id)


def _taken(fields: Iterable[str]) -> list[Problem]:
    return [Problem(field, TAKEN) for field in sorted(fields, reverse=True)]
