"""Apps with their keys, and users."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from chatsrv.storage.schema.metadata import Folded, Identity64, metadata

apps = Table(
    "apps",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("name", Text, nullable=False),
    Column("jwt_secret", Text, nullable=False),
    Column("public_keys", Text, nullable=False),  # JSON: [{algorithm, pem}]
    Column("settings", Text, nullable=False),  # JSON: {name: value}
    Column("created_at", BigInteger, nullable=False),
    Column("old_secrets", Text),  # JSON: [{secret, ends_at}]
)

server_keys = Table(
    "server_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("scopes", Text, nullable=False),  # separated by spaces
    Column("networks", Text, nullable=False),  # separated by spaces
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

users = Table(
    "users",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("uuid", String(36), nullable=False),
    Column("username", Text, nullable=False),
    Column("username_key", Folded, nullable=False),
    Column("first_name", Text),
    Column("first_name_key", Folded, nullable=False),
    Column("last_name", Text),
    Column("last_name_key", Folded, nullable=False),
    Column("name", Text),
    Column("email", Text),
    Column("email_key", Folded),
    Column("external_id", Text),
    Column("avatar", Text),
    Column("role", Text, nullable=False),
    Column("role_key", Folded, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("metadata", Text),  # JSON object
    Column("language", Text),
    Column("timezone", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("last_login_at", BigInteger, nullable=False),
    Column("last_active_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("presence_changed_at", BigInteger, nullable=False),
    # the same as others see them: they stand still while the user is invisible
    Column("others_login_at", BigInteger, nullable=False, server_default="0"),
    Column("others_active_at", BigInteger, nullable=False, server_default="0"),
    Column("others_seen_at", BigInteger, nullable=False, server_default="0"),
    Column("others_changed_at", BigInteger, nullable=False, server_default="0"),
    Column("claims", Text),  # JSON as in claims.lua
    Column("claims_at", BigInteger, nullable=False, server_default="0"),
    Column("tokens_since", BigInteger, nullable=False, server_default="0"),  # tokens issued before it are revoked
    Column("name_key", Folded, nullable=False, server_default=text("''")),
    Column("external_id_key", Folded, nullable=False, server_default=text("''")),
    Column("onboarding", SmallInteger, nullable=False, server_default="0"),
    # whoever was discarded holds no username, email or external id; what they were is kept for a restore
    Column("discarded_at", BigInteger, nullable=False, server_default="0"),
    Column("freed_email_key", Folded),
    Column("freed_external_id", Text),
    UniqueConstraint("app_id", "username_key"),
    UniqueConstraint("app_id", "email_key"),
    UniqueConstraint("app_id", "external_id"),
    UniqueConstraint("app_id", "uuid"),
    Index(None, "app_id", "id"),
    # the living are counted and paged without a look at their rows
    Index(None, "app_id", "discarded_at", "id"),
    Index(None, "app_id", "first_name_key", "id"),
    Index(None, "app_id", "last_name_key", "id"),
    Index(None, "app_id", "created_at", "id"),
    Index(None, "app_id", "updated_at", "id"),
    Index(None, "app_id", "last_login_at", "id"),
    Index(None, "app_id", "others_login_at", "id"),
    sqlite_autoincrement=True,  # the id of a deleted user is never given again
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("in_training", Boolean, nullable=False),
    Column("max_support_count", Integer),
    Column("sound_notification", Boolean, nullable=False),
    Column("notification_email", Text),
    Column("last_seen_location", Text),
    Column("recent_channel_id", ForeignKey("channels.id", ondelete="SET NULL"), index=True),
    Column("info", Text),  # JSON object
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("was_hidden", Boolean, nullable=False),  # nobody else ever hears of it
    Index(None, "user_id", "id"),
    sqlite_autoincrement=True,
)
