"""The tables. Instants are integers, milliseconds since 1970; 0 is one that has not happened."""

from chatsrv.storage.schema.admin import admin_access, admin_links, admin_sessions
from chatsrv.storage.schema.audit import audit_entries
from chatsrv.storage.schema.channels import channel_members, channels
from chatsrv.storage.schema.desk import (
    draft_messages,
    memos,
    starred_channels,
    starred_customers,
    supports,
    user_infos,
    user_widget_settings,
)
from chatsrv.storage.schema.directory import access_tokens, apps, profiles, server_keys, sign_ins, users
from chatsrv.storage.schema.history import (
    presence_counts,
    presence_cursors,
    presence_now,
    presence_spans,
    presence_tallies,
)
from chatsrv.storage.schema.identities import bearers, identities, identity_users, invitations
from chatsrv.storage.schema.metadata import metadata
from chatsrv.storage.schema.servers import servers
from chatsrv.storage.schema.teams import team_memberships, teams
from chatsrv.storage.schema.webhooks import event_sequences, webhook_deliveries, webhook_events, webhooks

__all__ = [
    "access_tokens",
    "admin_access",
    "admin_links",
    "admin_sessions",
    "apps",
    "audit_entries",
    "bearers",
    "channel_members",
    "channels",
    "draft_messages",
    "event_sequences",
    "identities",
    "identity_users",
    "invitations",
    "memos",
    "metadata",
    "presence_counts",
    "presence_cursors",
    "presence_now",
    "presence_spans",
    "presence_tallies",
    "profiles",
    "server_keys",
    "servers",
    "sign_ins",
    "starred_channels",
    "starred_customers",
    "supports",
    "team_memberships",
    "teams",
    "user_infos",
    "user_widget_settings",
    "users",
    "webhook_deliveries",
    "webhook_events",
    "webhooks",
]
