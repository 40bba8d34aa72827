"""chatsrv: a multi-tenant user directory and presence server."""

__version__ = "0.1.0"
