"""docs/cli.md, made from what the commands say of themselves: `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from chatsrv.cli import menu

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
EVERYWHERE = ("config", "json", "help")
"""Options that every command has."""

HEAD = """# The commands

`chatsrv` is the one program; `python -m chatsrv` is the same. This page is what `--help` tells, command by command;
`chatsrv help user import` tells it in a terminal. A word that is written wrong is answered with the nearest one.

* Every command takes `--json`, before or after its words, and then answers in JSON for machines. What goes wrong is
  one line on standard error (with `--json` an object with `error`), and says what to do. The exit status is 0 when it
  is done, 1 for a failure, 2 for wrong use.
* Every command takes `--config FILE`, and reads the same environment as the server: `DATABASE_URL`, `REDIS_URL`,
  `CHATSRV_<NAME>`. Without any of them it works on the folder `data` where you are, beside a server that runs there
  or without one. `chatsrv config` shows what counts.
* On a terminal there are colours, bars with rate and time left for what takes long, and a table that changes for
  `chatsrv online`. Where output is a pipe or a file there is nothing of that; `NO_COLOR=1` takes away the colours
  alone.
* What others have written (names, texts, what a server answered) never reaches the terminal as it is: characters that
  would steer it or turn the direction of what follows are shown as escapes, such as `\\x1b` or `\\u202e`.

## Completion

With this line in `~/.bashrc` (or `~/.zshrc`, with `zsh`), Tab completes commands, options, app ids and usernames:

```sh
eval "$(chatsrv completion bash)"
```

For fish: `chatsrv completion fish > ~/.config/fish/completions/chatsrv.fish`. Ids and names come from the database,
where it answers within two seconds; else nothing is offered. Names that would mean something to the shell are left
out.
"""


def render() -> str:
    return HEAD + "".join(_section(path, command) for path, command in _leaves(menu, "chatsrv"))


def _leaves(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(path: str, command: click.Command) -> str:
    arguments = "".join(f" {argument.make_metavar(_context(command))}" for argument in _arguments(command))
    usage = [f"`{path}{arguments}`\n"] if arguments else []
    parts = [f"\n## {path}\n", *usage, *map(_block, _blocks(command)), *_options(command)]
    return "\n".join(parts)


def _context(command: click.Command) -> click.Context:
    return click.Context(command)


def _arguments(command: click.Command) -> list[click.Parameter]:
    return [parameter for parameter in command.params if isinstance(parameter, click.Argument)]


def _blocks(command: click.Command) -> list[str]:
    return [block.strip("\n") for block in cleandoc(command.help or "").split("\n\n")]


def _block(text: str) -> str:
    """A block that click leaves as it is stands as it is here, too."""
    if not text.startswith("\b"):
        return " ".join(text.split()).replace("*", "\\*").replace("<", "\\<") + "\n"
    head, *lines = text.removeprefix("\b\n").split("\n")
    code = "\n".join(line.removeprefix("  ") for line in lines)
    return f"```sh\n{code}\n```\n" if head == "Examples:" else f"{head}\n\n```\n{code}\n```\n"


def _options(command: click.Command) -> Iterator[str]:
    context = _context(command)
    own = [one for one in command.params if isinstance(one, click.Option) and one.name not in EVERYWHERE]
    records = [record for option in own if (record := option.get_help_record(context))]
    if records:
        yield "| option | |\n|---|---|\n" + "".join(f"| `{_cell(name)}` | {_cell(told)} |\n" for name, told in records)


def _cell(text: str) -> str:
    return " ".join(text.replace("INTEGER RANGE", "N").split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render())
