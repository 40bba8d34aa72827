"""What goes out from here to servers of others: webhooks."""

from __future__ import annotations

from chatsrv.outbound.poster import Poster
from chatsrv.outbound.sender import Sender

__all__ = ["Poster", "Sender"]
