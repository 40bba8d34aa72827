"""The benchmark: chatsrv and its peers in turn on one core, the load on the other. Never part of the package."""
