"""The goals of chatsrv: its ratio to a peer, or a figure of its own."""

from __future__ import annotations

from dataclasses import dataclass

EXPRESS, FASTIFY, MIRROR = "express", "fastify", "node-mirror"
EJABBERD, EJABBERD_WS = "ejabberd", "ejabberd-ws"
BEST_EJABBERD = (EJABBERD, EJABBERD_WS)


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` over that of the best of `peers`, or by itself without any; within `at_least` or `at_most`."""

    figure: str
    peers: tuple[str, ...]
    at_least: float | None = None
    at_most: float | None = None

    def is_met_by(self, value: float) -> bool:
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is None or value <= self.at_most

    @property
    def wanted(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:.4g}"


def _against_both(figure: str, *, at_least: float | None = None, at_most: float | None = None) -> list[Goal]:
    return [Goal(figure, (peer,), at_least, at_most) for peer in (EXPRESS, FASTIFY)]


GOALS = (
    Goal("W1.rate", (EXPRESS,), at_least=15),
    Goal("W1.rate", (FASTIFY,), at_least=4),
    Goal("W1.rate", (MIRROR,), at_least=2),
    Goal("W1.rate", BEST_EJABBERD, at_least=8),
    Goal("W2.rate", (EXPRESS,), at_least=40),
    Goal("W2.rate", (FASTIFY,), at_least=25),
    Goal("W2.rate", (MIRROR,), at_least=2),
    Goal("W2.rate", BEST_EJABBERD, at_least=30),
    *_against_both("W3.rate", at_least=4),
    Goal("W3.rate", BEST_EJABBERD, at_least=4),
    *_against_both("W3.cpu", at_most=1 / 5),
    Goal("W3.cpu", BEST_EJABBERD, at_most=1 / 5),
    *_against_both("W4.bytes", at_most=1 / 4),
    Goal("W4.bytes", BEST_EJABBERD, at_most=1 / 9),
    Goal("W4.bytes", (), at_most=4096),
    *_against_both("W5.rate", at_least=1.8),
    Goal("W5.rate", BEST_EJABBERD, at_least=6),
    *_against_both("W5.p50", at_most=0.55),
    *_against_both("W5x16.rate", at_least=9),
    Goal("W5x16.rate", BEST_EJABBERD, at_least=40),
    *_against_both("W5login.rate", at_least=1.8),
    Goal("W5login.rate", BEST_EJABBERD, at_least=5),
    *_against_both("W6.cpu", at_most=1 / 6),
    Goal("W6.cpu", (EJABBERD_WS,), at_most=1 / 3),
    Goal("close.s", (EXPRESS,), at_most=1),
    Goal("start.s", (), at_most=1.5),
)
