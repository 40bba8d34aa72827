"""chatsrv serve and worker: the processes that stay."""

from __future__ import annotations

import click

from chatsrv.cli.running import Menu, MenuCommand, pass_menu
from chatsrv.domain.errors import SetupError


@click.command(cls=MenuCommand, short_help="Run the server.")
@click.option("--host", help="Address to listen on; 0.0.0.0 for all.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.  [default: 8080]")
@click.option("--workers", type=click.IntRange(1), help="Processes that serve, about one for each core.  [default: 1]")
@pass_menu
def serve(menu: Menu, host: str | None, port: int | None, workers: int | None) -> None:
    """Run the server: REST, sockets and, unless the setting run_worker is false, the background work.

    With nothing set up it keeps its data in the folder data, brings a database and a Valkey of its own, and makes an
    app named demo at the first start. DATABASE_URL and REDIS_URL name servers to use instead. SIGTERM or Ctrl-C hands
    the sockets over and stops; a second one stops at once.

    \b
    Examples:
      chatsrv serve
      chatsrv serve --host 0.0.0.0 --port 9000
      chatsrv serve --workers 4
      DATABASE_URL=postgres://user:password@host/name REDIS_URL=redis://host chatsrv serve
    """
    settings = menu.load(host=host, port=port, workers=workers).settings
    if settings.workers > 1:
        from chatsrv.cli.starting import run
        from chatsrv.cli.supervising import supervise

        run(lambda: supervise(settings, menu.as_json))
    else:
        from chatsrv.cli.serving import serve  # the web is a third of every other command's start
        from chatsrv.cli.starting import run

        run(lambda: serve(settings, menu.as_json))


@click.command(cls=MenuCommand, short_help="Run the background work in a process of its own.")
@pass_menu
def worker(menu: Menu) -> None:
    """Run the sweeps and flushes in a process of their own, for servers with run_worker = false.

    It needs the same DATABASE_URL and REDIS_URL as the servers. Several at once do no harm.

    \b
    Examples:
      CHATSRV_RUN_WORKER=false chatsrv serve
      chatsrv worker
    """
    from chatsrv.cli.serving import work
    from chatsrv.cli.starting import run

    settings = menu.load().settings
    if not settings.redis_url:
        raise SetupError("a worker of its own needs REDIS_URL: without one the server's process does the work itself")
    run(lambda: work(settings))
