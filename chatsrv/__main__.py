"""python -m chatsrv is the same as chatsrv."""

from chatsrv.cli import main

main()
