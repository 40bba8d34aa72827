"""What a million online users need, computed from measured costs: every input is stated, and nothing else goes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import ceil

from chatsrv.settings import Settings

from bench.growth import NODES
from bench.summary import Cell

LARGE = 100  # digits behind the point say nothing from here
FEW, MANY = NODES[0], NODES[-1]


@dataclass(frozen=True, slots=True)
class Crowd:
    """What its people do; an hour's counts are for each of them. Change these to ask about another crowd."""

    online: int = 1_000_000
    changes_per_hour: float = 6
    reconnects_per_hour: float = 1
    watchers: int = 50
    gets_per_hour: float = 60
    pages_per_hour: float = 6
    ping_s: float = 25
    core_share: float = 0.5
    memory_per_node_gb: float = 4
    network_mb_s: float = 100


WORDS = {
    "online": "users online, all of one app",
    "changes_per_hour": "changes of each user's presence an hour, besides the two of a reconnect",
    "reconnects_per_hour": "times that each user leaves and comes back, an hour, seen by others",
    "watchers": "who watch each user and are online",
    "gets_per_hour": "GETs of one user, for each user and hour",
    "pages_per_hour": "GETs of a page of 50, for each user and hour",
    "ping_s": "seconds between two pings",
    "core_share": "of a core that a node, or Redis, may use all the time",
    "memory_per_node_gb": "GB of connections on one node",
    "network_mb_s": "MB a second between Redis and all nodes",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Of a connect, change or logout. CPU in us; `followed` on each other node; `more_*` for each other node."""

    cpu: float
    followed: float
    redis: float
    more_redis: float
    bytes_: float
    more_bytes: float
    commands: float


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU in us of one operation, memory in bytes of one connection."""

    connect: Event
    change: Event
    leave: Event
    delivery: float
    ping: float
    get: float
    page: float
    connection: float


def read_costs(figures: Mapping[str, Cell]) -> Costs:
    """From measured figures of chatsrv. Raises KeyError naming one that was not measured."""
    value = {id_: cell.median for id_, cell in figures.items()}
    return Costs(
        connect=_read_event(value, "connect"),
        change=_read_event(value, "change"),
        leave=_read_event(value, "leave"),
        delivery=value["watchers.cpu@100"],
        ping=value["connections.ping@18000"],
        get=value["connections.get@18000"],
        page=value["W2.cpu"],
        connection=value["connections.memory@18000"],
    )


def _read_event(value: Mapping[str, float], name: str) -> Event:
    def at(nodes: int, what: str) -> float:
        return value[f"nodes.{name}{what}@{nodes}"]

    def slope(what: str) -> float:
        return max(0.0, at(MANY, what) - at(FEW, what)) / (MANY - FEW)

    return Event(
        cpu=at(FEW, ""),
        followed=at(MANY, ".other"),
        redis=at(FEW, ".redis_us"),
        more_redis=slope(".redis_us"),
        bytes_=at(FEW, ".redis_bytes"),
        more_bytes=slope(".redis_bytes"),
        commands=at(FEW, ".redis_commands"),
    )


@dataclass(frozen=True, slots=True)
class Needs:
    """For the whole cluster, a second; CPU in cores. `limits`: name, what is used of it, and how much there is.

    `followed_cores` are of each node, as if all happened elsewhere: with few nodes that is a little too much.
    """

    events: float
    deliveries: float
    requests: float
    local_cores: float
    followed_cores: float
    nodes: int
    memory_gb: float
    redis_cores: float
    redis_commands: float
    redis_mb: float
    limits: tuple[tuple[str, float, float], ...]


def compute(crowd: Crowd, costs: Costs, settings: Settings) -> Needs | None:
    """None where following the log alone takes what a node has: no number of nodes helps then."""
    hour = crowd.online / 3600
    times = (
        (costs.connect, hour * crowd.reconnects_per_hour),
        (costs.change, hour * crowd.changes_per_hour),
        (costs.leave, hour * crowd.reconnects_per_hour),
    )
    events = sum(rate for _, rate in times)
    gets, pages = hour * crowd.gets_per_hour, hour * crowd.pages_per_hour
    local = sum(event.cpu * rate for event, rate in times) + events * crowd.watchers * costs.delivery
    local += crowd.online / crowd.ping_s * costs.ping + gets * costs.get + pages * costs.page
    followed = sum(event.followed * rate for event, rate in times) / 1e6
    if followed >= crowd.core_share:
        return None
    memory_gb = crowd.online * costs.connection / 1e9
    nodes = max(ceil(local / 1e6 / (crowd.core_share - followed)), ceil(memory_gb / crowd.memory_per_node_gb))
    others = nodes - 1
    redis = sum((event.redis + event.more_redis * others) * rate for event, rate in times) / 1e6
    megabytes = sum((event.bytes_ + event.more_bytes * others) * rate for event, rate in times) / 1e6
    limits = (
        ("CPU of Redis, which has one core", redis, crowd.core_share),
        ("CPU of each node for what happens on others", followed, crowd.core_share),
        ("bytes between Redis and the nodes, MB/s", megabytes, crowd.network_mb_s),
        ("changes while a node may be silent (feed_max)", events * settings.node_dead_s, settings.feed_max),
        ("changes while a client may be away (changelog_max)", events * settings.grace_s, settings.changelog_max),
    )
    return Needs(
        events=events,
        deliveries=events * crowd.watchers,
        requests=gets + pages,
        local_cores=local / 1e6,
        followed_cores=followed,
        nodes=nodes,
        memory_gb=memory_gb,
        redis_cores=redis,
        redis_commands=sum(event.commands * rate for event, rate in times),
        redis_mb=megabytes,
        limits=tuple(sorted(limits, key=lambda limit: -limit[1] / limit[2])),
    )


def render_paper(figures: Mapping[str, Cell], crowd: Crowd | None = None) -> str:
    """Markdown: what goes in, what comes out, and which limit is nearest."""
    crowd = crowd or Crowd()
    stated = _table(
        ["of the crowd", ""], [[WORDS[item.name], _number(getattr(crowd, item.name))] for item in fields(crowd)]
    )
    try:
        costs = read_costs(figures)
    except KeyError as missing:
        return f"{stated}\nNot computed yet: the figure {missing.args[0]} has not been measured.\n"
    needs = compute(crowd, costs, Settings())
    if needs is None:
        return f"{stated}\nNo number of nodes is enough: following what happens on others takes all that one has.\n"
    return f"{stated}\n{_render_needs(needs, crowd)}\n{_render_limits(needs)}"


def _render_needs(needs: Needs, crowd: Crowd) -> str:
    rows = [
        ["connects, changes and logouts a second", f"{needs.events:,.0f}"],
        ["deliveries a second", f"{needs.deliveries:,.0f}"],
        ["requests a second", f"{needs.requests:,.0f}"],
        ["cores for what happens on each node itself, all nodes", f"{needs.local_cores:,.2f}"],
        ["of a core, on each node, for what happens on others", f"{needs.followed_cores:.3f}"],
        ["memory of all connections, GB", f"{needs.memory_gb:,.1f}"],
        ["**nodes**", f"**{needs.nodes:,}**"],
        ["connections on each", f"{crowd.online / needs.nodes:,.0f}"],
        ["of a core, for Redis", f"{needs.redis_cores:.2f}"],
        ["commands a second in Redis, those of scripts too", f"{needs.redis_commands:,.0f}"],
        ["MB a second between Redis and all nodes", f"{needs.redis_mb:,.1f}"],
    ]
    return _table(["what they need", ""], rows)


def _render_limits(needs: Needs) -> str:
    rows = [[name, _number(used), _number(there), f"{used / there:.0%}"] for name, used, there in needs.limits]
    return _table(["which gives out first", "used", "there is", ""], rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= LARGE or value == int(value) else f"{value:.3g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
