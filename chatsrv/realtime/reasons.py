"""Why sessions end."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a session ended: the second argument of a `disconnect` handler."""

    CLIENT_DISCONNECT = "client disconnect"
    """The client's own `disconnect()`: a Socket.IO DISCONNECT packet on either transport, or a WebSocket closed with
    code 1000, because the Python client closes before its DISCONNECT packet is out. No browser and no JavaScript
    client sends 1000: a closed page sends 1001, a JavaScript client that drops its transport sends no code at all."""

    TRANSPORT_CLOSE = "transport close"
    """The connection ended without a word from the user: a closed page, a lost wire, an Engine.IO CLOSE packet alone
    (which JavaScript clients also send when they have missed a ping)."""

    PING_TIMEOUT = "ping timeout"
    """The client did not answer a ping in time."""

    TRANSPORT_ERROR = "transport error"
    """We cut the client off: it broke the protocol, did not read, or the application asked for it."""

    SERVER_DISCONNECT = "server disconnect"
    """The application ended the session for good with `disconnect(sid)`; stock clients stay away."""

    DRAINED = "server drain"
    """This server is going down; stock clients come back by themselves."""
