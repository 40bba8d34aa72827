"""ejabberd from Debian's package: clients by TCP or WebSocket with a signed token, presence by roster, mod_http_api.

What it has no call for is measured by its nearest one: W1 asks for the presence of one user who is online, W2 for the
fifty who are.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import click

from bench import people
from bench.processes import SERVER_CORE, BenchError, Started, running
from bench.servers.target import Conditions, Stock, Target
from bench.stores import await_port, free_port
from bench.tools import find_ejabberd

SECRET = "a secret of ejabberd's own, which must be long enough for HS256"
ONLINE, WATCHERS, FIRST_CHANGER, CHANGERS = 1000, 1000, 1000, 16
PAGE_ONLINE = 50
CONFIG = """
hosts: [localhost]
loglevel: error
auth_method: [jwt]
jwt_key: {folder}/jwt.json
auth_use_cache: true
new_sql_schema: false
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, backlog: 4096}}
  - port: {http_port}
    ip: "127.0.0.1"
    module: ejabberd_http
    backlog: 4096
    request_handlers: {{/api: mod_http_api, /ws: ejabberd_http_ws}}
acl: {{loopback: {{ip: [127.0.0.0/8]}}}}
api_permissions:
  bench: {{from: [mod_http_api], who: {{access: {{allow: {{acl: loopback}}}}}}, what: "*"}}
modules:
  mod_admin_extra: {{}}
  mod_http_api: {{}}
  mod_last: {{}}
  mod_roster: {{}}
"""
PING = "  mod_ping: {{send_pings: true, ping_interval: {ping_s}, ping_ack_timeout: 30, timeout_action: kill}}\n"


class Ejabberd:
    """`speech`: xmpp or xmpp-ws. Its rosters are made once; a copy of its database is used for each run of W5."""

    def __init__(self, stock: Stock, speech: str) -> None:
        self._code = find_ejabberd()
        self._stock = stock
        self._papers = people.papers_in(stock.folder, "ejabberd")
        self._speech = speech
        people.write_jids(self._papers.tokens, SECRET)
        people.write_posts(self._papers.gets, people.POSTS, _presence_of_one)
        people.write_posts(self._papers.pages, people.PAGES, lambda _: ("/api/connected_users_info", {}))
        self._rosters = stock.work / "ejabberd-rosters"
        if not (self._rosters / "schema.DAT").exists():
            self._make_rosters()

    @contextmanager
    def serving(self, conditions: Conditions) -> Iterator[Target]:
        if conditions.has_watchers:
            shutil.copytree(self._rosters, conditions.folder / "mnesia")
        port, http_port = free_port(), free_port()
        begun = time.monotonic()
        with self._started(conditions, port, http_port) as started:
            start_s = time.monotonic() - begun
            yield Target(
                started.pid,
                http_port if self._speech == "xmpp-ws" else port,
                self._papers,
                start_s=start_s,
                http_port=http_port,
                speech=self._speech,
                expect="jid",
                page_people=PAGE_ONLINE,
            )

    @contextmanager
    def _started(self, conditions: Conditions, port: int, http_port: int) -> Iterator[Started]:
        folder = conditions.folder
        key = base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
        (folder / "jwt.json").write_text(json.dumps({"kty": "oct", "k": key}))
        ping = PING.format(ping_s=conditions.ping_s) if conditions.ping_s else ""
        (folder / "ejabberd.yml").write_text(CONFIG.format(folder=folder, port=port, http_port=http_port) + ping)
        env = {
            "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
            "ERL_LIBS": str(self._code),
            "HOME": str(folder),
        }
        words = ["erl", "+K", "true", "+P", "250000", "-noinput", "-mnesia", "dir", f'"{folder / "mnesia"}"']
        words += ["-s", "ejabberd"]
        with running(self._stock.tools, SERVER_CORE, words, folder / "erl.log", env, folder) as started:
            await_port(port)
            await_port(http_port)
            yield started

    def _make_rosters(self) -> None:
        """Its API takes one item at a time."""
        click.echo(f"making the rosters of ejabberd: {2 * WATCHERS * CHANGERS:,} items, a minute or two")
        folder = self._rosters.with_suffix(".new")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        http_port = free_port()
        with self._started(Conditions(folder), free_port(), http_port):
            _fill_rosters(http_port)
        shutil.rmtree(self._rosters, ignore_errors=True)
        shutil.copytree(folder / "mnesia", self._rosters)
        shutil.rmtree(folder)


def _presence_of_one(chance: random.Random) -> tuple[str, dict[str, str]]:
    return "/api/get_presence", {"user": people.name_of(chance.randrange(ONLINE)), "server": "localhost"}


def _fill_rosters(port: int) -> None:
    """Watchers hear of those who change, and these of nobody."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for watcher in map(people.name_of, range(WATCHERS)):
        for changer in map(people.name_of, range(FIRST_CHANGER, FIRST_CHANGER + CHANGERS)):
            _add_item(connection, watcher, changer, "to")
            _add_item(connection, changer, watcher, "from")
    connection.close()


def _add_item(connection: http.client.HTTPConnection, owner: str, other: str, subscription: str) -> None:
    fields = {"localuser": owner, "localhost": "localhost", "user": other, "host": "localhost", "nick": "", "group": ""}
    body = json.dumps({**fields, "subs": subscription})
    connection.request("POST", "/api/add_rosteritem", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != HTTPStatus.OK:
        raise BenchError(f"ejabberd refused a roster item: {text.decode()}")
