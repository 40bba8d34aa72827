"""The wire: TCP connections, HTTP heads and WebSocket frames. It imports nothing of ours and knows no application."""

from chatsrv.wire.asked import ASKED, RECALL, REQUEST_ID, Asked, Recall, came_from
from chatsrv.wire.handler import REFUSE, Fault, Refuse, Unreadable
from chatsrv.wire.heads import Head
from chatsrv.wire.joiner import Joiner
from chatsrv.wire.listener import ListenLimits, listening
from chatsrv.wire.passing import Passing
from chatsrv.wire.place import Sockets
from chatsrv.wire.websocket import Hearer, SocketRules, WebSocket
from chatsrv.wire.wheel import Wheel

__all__ = [
    "ASKED",
    "RECALL",
    "REFUSE",
    "REQUEST_ID",
    "Asked",
    "Fault",
    "Head",
    "Hearer",
    "Joiner",
    "ListenLimits",
    "Passing",
    "Recall",
    "Refuse",
    "SocketRules",
    "Sockets",
    "Unreadable",
    "WebSocket",
    "Wheel",
    "came_from",
    "listening",
]
