"""The upgrade of a polling session: a second connection that proves that WebSockets work before they are relied on."""

from __future__ import annotations

from chatsrv.realtime.session import Session
from chatsrv.wire import WebSocket
from chatsrv.wire.frames import Code, encode_text

_NOOP = "6"
_PROBED = encode_text("3probe")


class Probe:
    """At our end of a WebSocket until it is the session's.

    Long-polling carries on until the first packet has come through, so that a proxy that opens WebSockets and then
    swallows what they carry costs nothing.
    """

    __slots__ = ("_is_agreed", "_session", "_socket")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._socket: WebSocket | None = None
        self._is_agreed = False

    def begin(self, socket: WebSocket) -> None:
        self._socket = socket
        socket.wait(self._session.home.limits.upgrade_timeout_s)

    def hear_text(self, text: str) -> None:
        if self._socket is None:
            return
        if not self._is_agreed and text == "2probe" and self._can_upgrade():
            self._agree(self._socket)
        elif self._is_agreed and text == "5" and not self._session.closing:
            self._finish(self._socket)
        else:
            self._give_up()
            self._socket.close(Code.PROTOCOL_ERROR)

    def _can_upgrade(self) -> bool:
        session = self._session
        return not (session.upgrade or session.upgraded or session.closing)

    def _agree(self, socket: WebSocket) -> None:
        """From now on polls get nothing but an end, and what is to be sent waits for the WebSocket."""
        self._is_agreed, self._session.upgrade = True, self
        socket.write(_PROBED)
        self._session.send(_NOOP)  # ends the poll that waits
        socket.wait(self._session.home.limits.upgrade_timeout_s)

    def _finish(self, socket: WebSocket) -> None:
        socket.wait(0)
        self._leave()
        self._session.begin_socket(socket)
        self._session.home.note_upgrade(self._session)

    def _give_up(self) -> None:
        if self._is_agreed:
            self._is_agreed, self._session.upgrade = False, None

    def abandon(self) -> None:
        self._give_up()
        if self._socket is not None:
            self._socket.close(Code.NORMAL)

    def hear_close(self, code: int) -> None:  # noqa: ARG002 - it is over, whatever the code
        self._give_up()

    def hear_violation(self, code: Code) -> None:  # noqa: ARG002 - it is over, whatever the code
        self._give_up()

    def hear_end(self) -> None:
        self._leave()

    def _leave(self) -> None:
        self._give_up()
        self._session.home.note_gone(self)

    def hear_timeout(self) -> None:
        self._give_up()
        if self._socket is not None:
            self._socket.abort()

    def hear_pause(self, is_paused: bool) -> None:
        """It sends one frame."""

    def owe(self, frame: bytes) -> None:
        """Nobody needs it: there is no session on this connection yet."""
