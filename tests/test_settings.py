"""Settings: where they come from, who wins, what is refused, and that secrets stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatsrv import settings
from chatsrv.settings import Settings, SettingsError, convert_one, describe, load, replaced

PASSWORD = "hunter2"
SECRET_URL = f"postgres://anna:{PASSWORD}@db.example/chat"


def write(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text, "utf-8")
    return file


def test_options_win_over_the_environment_which_wins_over_the_file_which_wins_over_defaults(tmp_path: Path) -> None:
    file = write(tmp_path, "port = 1001\ngrace_s = 1\npage_max = 101\n")
    environment = {"CHATSRV_PORT": "1002", "CHATSRV_GRACE_S": "2"}
    loaded = load(environment, file, {"port": 1003, "host": None})
    assert (loaded.settings.port, loaded.settings.grace_s) == (1003, 2)
    assert (loaded.settings.page_max, loaded.settings.host) == (101, "127.0.0.1")
    assert loaded.sources == {"port": "option", "grace_s": "CHATSRV_GRACE_S", "page_max": str(file)}


def test_the_file_is_named_by_the_environment_or_before_it_by_the_option(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    named = write(tmp_path, "port = 1001\n")
    other = write(tmp_path / "other", "port = 1002\n")
    environment = {"CHATSRV_CONFIG": str(named)}
    assert load(environment).settings.port == 1001
    assert load(environment, other).settings.port == 1002
    assert not load(environment).warnings


def test_the_variables_of_platforms_work_and_ours_win_over_them() -> None:
    platform = {"PORT": "5000", "DATABASE_URL": SECRET_URL, "REDIS_URL": "redis://r"}
    loaded = load(platform)
    assert (loaded.settings.port, loaded.settings.redis_url) == (5000, "redis://r")
    assert loaded.settings.database_url == SECRET_URL
    assert load({**platform, "CHATSRV_PORT": "6000"}).settings.port == 6000


def test_a_number_of_workers_that_the_platform_has_guessed_does_not_count() -> None:
    assert load({"WEB_CONCURRENCY": "3"}).settings.workers == 3
    guessed = {"WEB_CONCURRENCY": "3", "WEB_CONCURRENCY_SET_BY": "heroku/python"}
    assert load(guessed).settings.workers == 1
    assert load({**guessed, "CHATSRV_WORKERS": "2"}).settings.workers == 2
    assert load(guessed, None, {"workers": 4}).settings.workers == 4


def test_the_variables_of_platforms_win_over_the_file(tmp_path: Path) -> None:
    assert load({"PORT": "5000"}, write(tmp_path, "port = 1001\n")).settings.port == 5000


def test_an_empty_variable_counts_as_not_given() -> None:
    assert load({"PORT": "", "CHATSRV_GRACE_S": "", "CHATSRV_CONFIG": ""}).settings == Settings()


def test_texts_become_what_the_setting_is() -> None:
    environment = {
        "CHATSRV_ACCESS_LOG": "false",
        "CHATSRV_GRACE_S": "1.5",
        "CHATSRV_ALLOWED_ORIGINS": " https://a.example ,, https://b.example",
    }
    loaded = load(environment).settings
    assert (loaded.access_log, loaded.grace_s) == (False, 1.5)
    assert loaded.allowed_origins == ("https://a.example", "https://b.example")


def test_an_unknown_name_in_the_file_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings.toml: there is no setting 'grace'; did you mean 'grace_s'\?"):
        load({}, write(tmp_path, "grace = 1\n"))


def test_an_unknown_variable_is_a_warning_that_names_the_nearest() -> None:
    loaded = load({"CHATSRV_GRACES": "1", "CHATSRV_ZZZZZZZZ": "1", "OTHER": "1"})
    assert loaded.warnings == (
        "CHATSRV_GRACES is set, but there is no setting 'graces'; did you mean 'grace_s'?",
        "CHATSRV_ZZZZZZZZ is set, but there is no setting 'zzzzzzzz'",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"port = ", "is not TOML"),
        (b"[host]\nname = 1", "host .*: Expected `str`"),
        (b"host = '\xff'", "is not TOML"),
        (b"port = 'many'", r"port \(from .*settings.toml\): Expected `int`"),
        (b"allowed_origins = [1]", r"allowed_origins \(from .*\): Expected `str`"),
        (b"allowed_origins = ['https://a.example/']", "is not what browsers send; write https://a.example$"),
    ],
)
def test_a_broken_file_is_told_in_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=sentence):
        load({}, file)


def test_a_file_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the settings file"):
        load({}, tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="cannot read the settings file"):
        load({}, tmp_path)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("CHATSRV_PORT", "-1"),
        ("WEB_CONCURRENCY", "0"),
        ("CHATSRV_ACCESS_LOG", "yes"),
        ("CHATSRV_LOG_LEVEL", "loud"),
        ("CHATSRV_REDIS_PREFIX", "a{b}"),
        ("CHATSRV_SESSIONS_PER_USER", "1.5"),
        ("CHATSRV_BULK_MAX_USERS", "9000"),
        ("CHATSRV_IMPORT_BATCH", "9000"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_variable_it_came_from(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"\(from {variable}\)") as caught:
        load({variable: value})
    assert value not in str(caught.value).replace(f"<= {value}", "")


@pytest.mark.parametrize("text", ["inf", "nan", "-inf"])
def test_a_duration_is_a_finite_number(text: str, tmp_path: Path) -> None:
    for name in ("ping_interval_s", "node_dead_s", "keepalive_s"):
        with pytest.raises(SettingsError, match=name):
            load({f"CHATSRV_{name.upper()}": text})
        with pytest.raises(SettingsError, match=name):
            load({}, write(tmp_path, f"{name} = {text}"))


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"NODE_DEAD_S": "8.9"}, "node_dead_s must be at least 3 x node_heartbeat_s"),
        ({"GRACE_S": "60"}, "grace_s must be less than handoff_grace_s"),
        ({"DRAIN_S": "60"}, "drain_s must be less than handoff_grace_s"),
        ({"PAGE_DEFAULT": "201"}, "page_default must be at most page_max"),
        ({"TOKEN_TTL_S": "2592001"}, "token_ttl_s must be at most token_ttl_max_s"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load({f"CHATSRV_{name}": text for name, text in environment.items()})


def test_a_relation_is_about_the_values_together_not_one_by_one() -> None:
    assert load({"CHATSRV_GRACE_S": "100", "CHATSRV_HANDOFF_GRACE_S": "200"}).settings.grace_s == 100
    assert load({"CHATSRV_NODE_DEAD_S": "3", "CHATSRV_NODE_HEARTBEAT_S": "1"}).settings.node_dead_s == 3


def test_one_value_is_read_by_its_own_limits_alone() -> None:
    assert convert_one("grace_s", "100") == 100
    with pytest.raises(SettingsError, match="grace_s: Expected `float`"):
        convert_one("grace_s", "-1")
    with pytest.raises(SettingsError, match="auto_create_users: Expected `bool`"):
        convert_one("auto_create_users", "perhaps")


def test_replacing_values_checks_the_relations() -> None:
    assert replaced(Settings(), {"grace_s": 5}).grace_s == 5
    with pytest.raises(SettingsError, match="grace_s must be less than handoff_grace_s"):
        replaced(Settings(), {"grace_s": 100})


def test_secrets_are_in_no_repr_and_in_no_error() -> None:
    environment = {"DATABASE_URL": SECRET_URL, "REDIS_URL": f"redis://:{PASSWORD}@r"}
    loaded = load(environment)
    assert PASSWORD not in f"{loaded!r} {loaded} {loaded.settings!r} {loaded.settings}"
    with pytest.raises(SettingsError) as caught:
        load({**environment, "PORT": "x"})
    assert PASSWORD not in str(caught.value)


def test_every_setting_is_described_and_the_secrets_are_marked() -> None:
    described = describe()
    assert [info.name for info in described] == list(Settings.__struct_fields__)
    assert all(info.description.endswith(".") for info in described)
    assert {info.name for info in described if info.is_secret} == {"database_url", "redis_url", "metrics_key"}
    assert {info.name: info.default for info in described} == {
        name: getattr(Settings(), name) for name in Settings.__struct_fields__
    }


def test_what_an_app_may_set_are_settings() -> None:
    assert set(Settings.__struct_fields__) > settings.PER_APP
    assert all("Per app." in info.description for info in describe() if info.name in settings.PER_APP)
    assert not any("Per app." in info.description for info in describe() if info.name not in settings.PER_APP)
