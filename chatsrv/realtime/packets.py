"""The Socket.IO packets that a client may send; anything else is a reason to close its socket."""

from typing import Any, Self

import msgspec
from socketio import packet as wire


class Violation(Exception):
    """The client does not speak the protocol, or speaks a part of it that we refuse."""


class StrictJson:
    """msgspec in the shape python-socketio asks for.

    It refuses what Python's own decoder lets through and what then fails in a browser or a database: NaN, lone
    surrogates, integers of thousands of digits.
    """

    @staticmethod
    def loads(text: str) -> Any:
        return msgspec.json.decode(text)

    @staticmethod
    def dumps(data: Any, **_layout: Any) -> str:
        return msgspec.json.encode(data).decode()


class Packet(wire.Packet):
    """A Socket.IO packet without binary attachments, in either direction."""

    uses_binary_events = False  # we send no binary: spares a walk through every payload
    json = StrictJson

    # The names that client libraries keep for themselves, and the one that python-socketio takes for "any event".
    reserved_events = frozenset(
        {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "*"}
    )

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises Violation for whatever a stock client would not have sent."""
        packet = cls()
        try:
            attachments = packet.decode(text)
        except (ValueError, RecursionError) as error:
            raise Violation("undecodable packet") from error
        if attachments or not packet._is_acceptable():
            raise Violation("unacceptable packet")
        return packet

    def _is_acceptable(self) -> bool:
        match self.packet_type, self.data:
            case wire.CONNECT, None | dict():
                return True
            case wire.DISCONNECT, _:
                return True
            case wire.EVENT, [str() as name, *_]:
                return name not in self.reserved_events
            case wire.ACK, list():
                return self.id is not None
        return False
