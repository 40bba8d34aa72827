"""The HTTP edge. A dialect is one module or folder, one OpenAPI document, and one entry here."""

from chatsrv.api.dialect import Dialect
from chatsrv.api.native import NATIVE

DIALECTS: tuple[Dialect, ...] = (NATIVE,)
