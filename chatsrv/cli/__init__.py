"""The command menu. Every command takes --json, before or after its words."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from chatsrv import __version__
from chatsrv.cli.apps import app
from chatsrv.cli.doctor import doctor
from chatsrv.cli.keys import key, token
from chatsrv.cli.output import fail
from chatsrv.cli.running import Menu
from chatsrv.cli.serve import migrate, serve, worker
from chatsrv.cli.users import user
from chatsrv.domain.errors import ChatError, SetupError
from chatsrv.settings import SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chatsrv")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file with settings.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for machines; goes anywhere.")
@click.pass_context
def menu(context: click.Context, config: Path | None, as_json: bool) -> None:
    """A user directory and presence server. Begin with: chatsrv serve"""
    context.obj = Menu(as_json, config)


for command in (serve, worker, migrate, app, key, token, user, doctor):
    menu.add_command(command)


def main() -> None:
    """Exit status: 0 done, 1 failed, 2 used wrongly."""
    words = sys.argv[1:]
    as_json = "--json" in words
    sys.exit(run([*(["--json"] if as_json else []), *(word for word in words if word != "--json")], as_json))


def run(words: list[str], as_json: bool) -> int:
    try:
        return menu.main(words, prog_name="chatsrv", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "chatsrv"
        fail(as_json, f"{error.format_message()} (see {command} --help)")
        return 2
    except click.ClickException as error:
        fail(as_json, error.format_message())
    except (ChatError, SetupError, SettingsError) as error:
        fail(as_json, str(error))
    except (click.Abort, KeyboardInterrupt):
        fail(as_json, "stopped")
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; there is nobody to tell
    except OSError as error:
        fail(as_json, f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    return 1
