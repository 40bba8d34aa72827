"""Every kind of resource by name. What is true of one kind alone is said here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from chatsrv.api.oksky import desk, people
from chatsrv.api.oksky.kinds import Kind, Relationship
from chatsrv.domain.desk import Relation

SUBTYPES = ("administrators", "customers")

USER_SORTS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "uuid": ("uuid",),
    "username": ("username",),
    "full_name": ("full_name",),
    "name": ("display_name",),
    "email": ("email",),
    "avatar_url": ("avatar",),
    "user_type": ("rank",),
    "timezone": ("timezone",),
    "is_active": ("is_active",),
    "created_at": ("created_at",),
    "created_at_unix": ("created_at",),
    "language": ("language",),
}
"""What users can be sorted by, and which fields that means."""


def _of_user(kind: str, relation: Relation, *, in_lists: bool = False) -> Relationship:
    return Relationship(kind, desk.linker(relation), in_lists=in_lists)


USER_RELATIONSHIPS: Mapping[str, Relationship] = {
    "support_draft_messages": _of_user("support_draft_messages", Relation.SUPPORT_DRAFTS),
    "draft_messages": _of_user("draft_messages", Relation.DRAFTS),
    "present_rooms": Relationship("rooms", desk.link_present_rooms, in_lists=True),
    "support_rooms": _of_user("rooms", Relation.SUPPORT_ROOMS, in_lists=True),
    "members": _of_user("members", Relation.MEMBERS, in_lists=True),
    "supports": _of_user("supports", Relation.SUPPORTS, in_lists=True),
    "rooms": _of_user("rooms", Relation.ROOMS, in_lists=True),
    "starred_rooms": _of_user("rooms", Relation.STARRED_ROOMS, in_lists=True),
    "starred_customers": _of_user("users", Relation.STARRED_CUSTOMERS, in_lists=True),
    "user_supported": _of_user("supports", Relation.SUPPORTED),
    "memos": _of_user("memos", Relation.MEMOS),
    "user_events": Relationship("user_events", desk.link_events, load=desk.load_events, page=desk.page_events),
    "user_infos": _of_user("user_infos", Relation.INFOS),
    "user_widget_settings": _of_user("user_widget_settings", Relation.WIDGET_SETTINGS),
}


def _to_one(kind: str, name: str) -> Relationship:
    return Relationship(kind, desk.pointer(name), is_many=False)


def _people(name: str) -> Kind:
    return Kind(
        name,
        people.ATTRIBUTES,
        people.find,
        USER_RELATIONSHIPS,
        filters=frozenset(("id", "uuid")),
        sorts=frozenset(USER_SORTS),
        type_of=people.type_of,
        tell_types=people.tell_types,
    )


def _kinds() -> tuple[Kind, ...]:
    return (
        *(_people(name) for name in ("users", *SUBTYPES)),
        Kind("rooms", desk.ROOM, desk.finder(Relation.ROOMS, desk.sift_rooms)),
        Kind(
            "members",
            desk.MEMBER,
            desk.finder(Relation.MEMBERS, desk.sift_by_room),
            {"room": _to_one("rooms", "channel_id"), "user": _to_one("users", "user_id")},
            filters=frozenset(("id", "user_id")),
        ),
        Kind(
            "supports",
            desk.SUPPORT,
            desk.finder(Relation.SUPPORTS, desk.sift_by_room),
            {
                "room": _to_one("rooms", "channel_id"),
                "customer": _to_one("users", "customer_id"),
                "user": _to_one("users", "agent_id"),
            },
        ),
        Kind("memos", desk.MEMO, desk.finder(Relation.MEMOS, desk.sift_written)),
        Kind("draft_messages", desk.DRAFT, desk.finder(Relation.DRAFTS, desk.sift_own)),
        Kind("support_draft_messages", desk.DRAFT, desk.finder(Relation.SUPPORT_DRAFTS, desk.sift_own)),
        Kind("user_events", desk.EVENT, desk.find_events),
        Kind("user_infos", desk.INFO, desk.finder(Relation.INFOS)),
        Kind("user_widget_settings", desk.WIDGET_SETTING, desk.finder(Relation.WIDGET_SETTINGS, desk.sift_own)),
    )


KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _kinds()}
