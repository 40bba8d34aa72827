"""The HTTP edge. A dialect is one module or folder, one OpenAPI document, and one entry here."""

from chatsrv.api.dialect import Dialect
from chatsrv.api.native import NATIVE
from chatsrv.api.oksky import OKSKY
from chatsrv.api.panel import PANEL
from chatsrv.api.pulse import PULSE

DIALECTS: tuple[Dialect, ...] = (NATIVE, OKSKY, PANEL, PULSE)
