"""Claims over time, held against a model that forgets nothing; and what is true of every state."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chatsrv.domain.instants import NEVER
from chatsrv.domain.presence import (
    NOBODY_THERE,
    Claim,
    Display,
    PresenceStatus,
    Rule,
    Source,
    add_claim,
    display,
    fold_sessions,
    rule_of,
    to_others,
    winner,
)

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus
LEVELS = {"call": 1, "manual": 2, "calendar": 3, "external": 3}
MANY = 1_000
FOREVER = 10**9

SOURCES = st.sampled_from(Source)
STATUSES = st.sampled_from([None, ONLINE, AWAY, DND, INVISIBLE])
WORDS = st.sampled_from([None, "lunch", "train"])
CONNECTED = st.sampled_from([OFFLINE, ONLINE, AWAY])
CLAIMS = st.builds(
    Claim,
    id=st.just("c"),
    source=SOURCES,
    status=STATUSES,
    text=WORDS,
    emoji=WORDS,
    expires_at=st.integers(0, 60),
    set_at=st.integers(1, 60),
)
DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=300)


@dataclass(frozen=True, eq=False)
class Said:
    """One line of the story: what a source said at `at`, until `until` (exclusive)."""

    source: str
    status: PresenceStatus | None
    text: str | None
    at: int
    until: int


def naive_word(story: list[Said], source: str, now: int) -> Said | None:
    """What the source says now: the last thing it said that is not over, unless it took everything back since."""
    for said in reversed([said for said in story if said.source == source]):
        if said.status == ONLINE and said.text is None:
            return None
        if now < said.until:
            return said
    return None


def naive_display(connected: PresenceStatus, story: list[Said], now: int) -> tuple[PresenceStatus, str | None]:
    """The text of the rules, read aloud at one instant: status and words."""
    if connected == OFFLINE:
        return OFFLINE, None
    own = naive_word(story, "manual", now)
    if own and own.status == INVISIBLE:
        return INVISIBLE, own.text
    words = [word for source in LEVELS if (word := naive_word(story, source, now))]
    if not words:
        return connected, None
    highest = min(LEVELS[word.source] for word in words)
    level = [word for word in words if LEVELS[word.source] == highest]
    wins = max(level, key=lambda word: (word.at, story.index(word)))
    return wins.status or connected, wins.text


class ClaimsOverTime(RuleBasedStateMachine):
    """`claims` is what is kept, `story` all that was ever said. They must show the same at every instant to come."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1
        self.claims: tuple[Claim, ...] = ()
        self.story: list[Said] = []

    @rule(source=SOURCES, status=STATUSES, says=st.booleans(), lasts=st.none() | st.integers(1, 30))
    def say(self, source: Source, status: PresenceStatus | None, says: bool, lasts: int | None) -> None:
        assume(status is not None or says)
        text = f"word {len(self.story)}" if says else None
        until = self.now + lasts if lasts else NEVER
        new = Claim(f"c{len(self.story)}", source, status, text, None, until, self.now)
        self.claims = add_claim(self.claims, new, self.now, MANY)
        said = Said(source.value, status, text, self.now, until or FOREVER)
        last = naive_word(self.story, source.value, self.now)
        if status is None and last and last.status is not None:
            # words alone go with what the source says already, for as long as it does
            said = replace(said, status=last.status, until=min(said.until, last.until))
        self.story.append(said)

    @rule(ms=st.integers(1, 20))
    def wait(self, ms: int) -> None:
        self.now += ms

    @invariant()
    def they_show_the_same_now_and_ever_after(self) -> None:
        turns = {said.until for said in self.story} | {claim.expires_at for claim in self.claims}
        instants = {self.now, FOREVER - 1} | turns | {at - 1 for at in turns}
        for at in sorted(at for at in instants if self.now <= at < FOREVER):
            for connected in (OFFLINE, ONLINE, AWAY):
                seen = display(connected, self.claims, at)
                assert (seen.status, seen.text) == naive_display(connected, self.story, at)

    @invariant()
    def nothing_is_kept_that_cannot_come_to_show(self) -> None:
        for claim in self.claims:
            later = [other for other in self.claims if other.source is claim.source and other.set_at > claim.set_at]
            for other in later:
                assert other.expires_at != NEVER
                assert claim.expires_at == NEVER or claim.expires_at > other.expires_at


TestClaimsOverTime = ClaimsOverTime.TestCase
TestClaimsOverTime.settings = settings(DETERMINISTIC, max_examples=200, stateful_step_count=25)


@DETERMINISTIC
@given(st.lists(st.booleans()).flatmap(lambda flags: st.tuples(st.just(flags), st.permutations(flags))))
def test_the_order_of_sessions_does_not_matter(orders: tuple[list[bool], list[bool]]) -> None:
    assert fold_sessions(orders[0]) is fold_sessions(orders[1])


@DETERMINISTIC
@given(st.lists(st.booleans(), min_size=1), st.booleans())
def test_one_more_session_never_makes_anybody_less_present(sessions: list[bool], more: bool) -> None:
    before, after = fold_sessions(sessions), fold_sessions([*sessions, more])
    assert after is before or (before, after) == (AWAY, ONLINE)


@DETERMINISTIC
@given(CONNECTED, st.lists(CLAIMS), st.integers(0, 60))
def test_others_are_never_told_that_somebody_hides(connected: PresenceStatus, claims: list[Claim], now: int) -> None:
    truth = display(connected, claims, now)
    seen = to_others(truth)
    assert seen.status is not INVISIBLE
    assert seen == (NOBODY_THERE if truth.status in (OFFLINE, INVISIBLE) else truth)


@DETERMINISTIC
@given(st.lists(CLAIMS), st.integers(0, 60))
def test_with_no_session_every_claim_is_silent(claims: list[Claim], now: int) -> None:
    assert display(OFFLINE, claims, now) == Display(OFFLINE)


@DETERMINISTIC
@given(CONNECTED, st.lists(CLAIMS), st.integers(0, 60))
def test_what_is_over_changes_nothing(connected: PresenceStatus, claims: list[Claim], now: int) -> None:
    live = [claim for claim in claims if claim.is_live(now)]
    assert display(connected, claims, now) == display(connected, live, now)
    best = winner(claims, now)
    assert (best is None) == (not live)
    assert best is None or best in live


@DETERMINISTIC
@given(CONNECTED, st.lists(CLAIMS), st.integers(0, 60))
def test_the_rule_that_is_told_is_the_one_that_decided(
    connected: PresenceStatus, claims: list[Claim], now: int
) -> None:
    decided, rule_told = display(connected, claims, now).status, rule_of(connected, claims, now)
    expected = {
        Rule.NO_SESSION: {OFFLINE},
        Rule.INVISIBLE: {INVISIBLE},
        Rule.ACTIVE_SESSION: {ONLINE},
        Rule.IDLE_SESSIONS: {AWAY},
        Rule.CLAIM: {ONLINE, AWAY, DND},
    }
    assert decided in expected[rule_told]
    assert (rule_told is Rule.INVISIBLE) == (decided is INVISIBLE)


@DETERMINISTIC
@given(st.lists(CLAIMS), CLAIMS, st.integers(1, 60), st.integers(1, 6))
def test_never_more_claims_than_there_may_be_and_what_counts_is_never_given_up(
    claims: list[Claim], new: Claim, now: int, most: int
) -> None:
    kept, uncut = (add_claim(claims, new, now, limit) for limit in (most, MANY))
    assert len(kept) <= most or new.clears
    assert set(kept) <= set(uncut)
    assert winner(kept, now) == winner(uncut, now)
