"""The command menu. Every command takes --json and --config, before or after its words."""

from __future__ import annotations

import gc
import os
import sys

import click
import structlog

from chatsrv import __version__
from chatsrv.cli.access_tokens import access_token
from chatsrv.cli.apps import app
from chatsrv.cli.audit import audit
from chatsrv.cli.backup import backup
from chatsrv.cli.configuration import config
from chatsrv.cli.copying import copy_database
from chatsrv.cli.dashboard import dashboard
from chatsrv.cli.demo import demo
from chatsrv.cli.doctor import doctor
from chatsrv.cli.forgetting import forget_presence
from chatsrv.cli.history import presence_export
from chatsrv.cli.identities import identity
from chatsrv.cli.keys import key, token
from chatsrv.cli.learning import completion, help_
from chatsrv.cli.migrate import migrate
from chatsrv.cli.online import online
from chatsrv.cli.output import fail
from chatsrv.cli.running import MenuGroup
from chatsrv.cli.serve import serve, worker
from chatsrv.cli.users import user
from chatsrv.cli.webhooks import webhook
from chatsrv.domain.errors import SetupError, Unavailable
from chatsrv.settings import SettingsError

log = structlog.get_logger(__name__)

WELCOME = """A user directory and presence server: REST and Socket.IO.

\b
First steps:
  chatsrv serve                            start, with nothing to set up
  chatsrv app create shop                  make an app; prints its server key
  chatsrv user import shop people.ndjson   fill it
  chatsrv token shop anna                  let a client speak as anna
  chatsrv online shop                      see who comes and goes
  chatsrv doctor                           is all well?
  chatsrv help user import                 what a command does, with examples

Settings come from --config FILE, from the environment (CHATSRV_<NAME>, PORT, DATABASE_URL, REDIS_URL) and from options.
Without any, everything is kept in the folder data; chatsrv config shows all of them. The exit status is 0 when it is
done, 1 for a failure, 2 for wrong use.
"""


@click.group(
    cls=MenuGroup,
    help=WELCOME,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="chatsrv")
def menu() -> None: ...


COMMANDS = (
    serve,
    worker,
    migrate,
    app,
    key,
    token,
    access_token,
    user,
    online,
    presence_export,
    webhook,
    identity,
    dashboard,
    demo,
    audit,
    backup,
    copy_database,
    forget_presence,
    config,
    doctor,
    completion,
    help_,
)
for command in COMMANDS:
    menu.add_command(command)


def main() -> None:
    """Exit status: 0 done, 1 failed, 2 used wrongly."""
    words = sys.argv[1:]
    # what is loaded is no garbage, and what is left at the end goes with the process: to look through it all, again
    # and again, is a quarter of most commands
    gc.set_threshold(50_000)
    try:
        sys.exit(run(words, "--json" in words))
    finally:
        gc.freeze()


def run(words: list[str], as_json: bool) -> int:
    """`as_json` is told apart from the words: it also holds for words that cannot be understood."""
    try:
        return menu.main(words, prog_name="chatsrv", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "chatsrv"
        fail(as_json, f"{error.format_message()} (see {command} --help)")
        return 2
    except BrokenPipeError:
        _forget_output()
    except (click.Abort, KeyboardInterrupt):
        fail(as_json, "stopped")
    except Exception as error:
        fail(as_json, explain(error))
    return 1


def explain(error: Exception) -> str:
    """What is said of it, in a line where that can be."""
    match error:
        case click.ClickException():
            return error.format_message()
        case SetupError() | SettingsError():
            return str(error)
        case Unavailable():
            from chatsrv.services.troubles import in_full

            return in_full(error)
        case OSError():
            return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        case _:
            log.info("failed", exc_info=error)  # a server logs where, a command does not
            return f"{type(error).__name__}: {error} (CHATSRV_LOG_LEVEL=debug tells where; chatsrv doctor may know why)"


def _forget_output() -> None:
    """Whoever read us has gone; what is still in the buffer must not fail once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
