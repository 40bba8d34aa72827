"""chatsrv help and chatsrv completion: for whoever looks for a word."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from chatsrv.cli.running import MenuCommand

VARIABLE = "_CHATSRV_COMPLETE"
"""By which the shell's script tells us what it wants to know."""


@click.command("help", cls=MenuCommand, short_help="Tell what a command does, with examples.")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def help_(context: click.Context, words: tuple[str, ...]) -> None:
    """Tell what a command does, with examples: the same as its --help. Without a COMMAND, which ones there are.

    \b
    Examples:
      chatsrv help
      chatsrv help user import
    """
    found = context.find_root()
    for word in words:
        if not isinstance(found.command, click.Group):
            raise click.UsageError(f"{found.command_path!r} has no commands of its own", found)
        _, command, _ = found.command.resolve_command(found, [word])
        assert command is not None  # noqa: S101 - narrows the type: an unknown word has raised
        found = click.Context(command, info_name=word, parent=found)
    click.echo(found.get_help())


@click.command(cls=MenuCommand, short_help="Print what makes a shell complete our words.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a shell completes our commands, options, app ids and usernames when you press Tab.

    \b
    To have it in every new shell:
      bash   chatsrv completion bash > ~/.local/share/bash-completion/completions/chatsrv
             (make that folder first; or: echo 'eval "$(chatsrv completion bash)"' >> ~/.bashrc)
      zsh    echo 'eval "$(chatsrv completion zsh)"' >> ~/.zshrc      after the line with compinit
      fish   chatsrv completion fish > ~/.config/fish/completions/chatsrv.fish

    Ids and names come from the database that the settings name, where it answers within two seconds.

    \b
    Examples:
      eval "$(chatsrv completion bash)"
      chatsrv completion fish | source
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - narrows the type: click knows these three
    click.echo(kind(context.find_root().command, {}, "chatsrv", VARIABLE).source())
