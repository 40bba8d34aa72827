"""What people are called, and what is made up about them: little enough that they come across each other."""

from __future__ import annotations

from hypothesis import strategies as st

from chatsrv.domain.presence import PresenceStatus
from tests.fuzz.directory_model import Account

usernames = st.sampled_from(["anna", "Anna", "ben", "carl-9", "dörte", "e f"])
plain_usernames = st.sampled_from(["anna", "ben", "carl-9"])
names = st.sampled_from(["Ann", "Berg", "Ünal", "O'Neil"])
maybe_names = st.none() | names
emails = st.sampled_from(["anna@mail.test", "ANNA@mail.test", "ben@mail.test", "c.9@mail.test"])
maybe_emails = st.none() | emails
roles = st.sampled_from(["user", "user", "admin"])
tabs = st.sampled_from(["one", "two"])
picks = st.integers(0, 10**6)
claimed = st.sampled_from(
    [PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.DND, PresenceStatus.INVISIBLE, PresenceStatus.INVISIBLE]
)
new_accounts = st.one_of(
    st.tuples(
        st.just("native"),
        st.builds(
            Account,
            usernames,
            first_name=maybe_names,
            last_name=maybe_names,
            name=maybe_names,
            email=maybe_emails,
            role=roles,
        ),
    ),
    st.tuples(
        st.just("oksky"),
        st.builds(Account, usernames, first_name=names, last_name=names, email=maybe_emails),
    ),
    st.tuples(
        st.just("panel"),
        st.builds(Account, plain_usernames, first_name=names, last_name=names, email=emails, role=roles),
    ),
    st.tuples(
        st.just("pulse"), st.builds(Account, st.just(""), name=names, email=maybe_emails, has_joined=st.just(False))
    ),
)
changes = st.one_of(
    st.tuples(
        st.just("native"),
        st.fixed_dictionaries(
            {},
            optional={
                "first_name": maybe_names,
                "last_name": maybe_names,
                "name": maybe_names,
                "email": maybe_emails,
                "role": roles,
            },
        ),
    ),
    st.tuples(
        st.just("oksky"),
        st.fixed_dictionaries({}, optional={"username": usernames, "name": maybe_names, "email": maybe_emails}),
    ),
    st.tuples(st.just("oksky"), st.fixed_dictionaries({"first_name": names, "last_name": names})),
    st.tuples(st.just("pulse"), st.fixed_dictionaries({}, optional={"name": names, "email": maybe_emails})),
)
