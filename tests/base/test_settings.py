"""Settings: where values come from, how wrong ones are refused, and that secrets stay hidden."""

import stat
from pathlib import Path

import pytest

from polus.base import settings
from polus.base.settings import Misconfigured


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults(tmp_path: Path) -> None:
    made = settings.load({})
    assert made.data == tmp_path / "data"
    assert (made.host, made.port, made.smtp_port) == ("127.0.0.1", 8000, 8025)
    assert (made.database_url, made.smtp_url, made.relay()) == ("", "", None)
    assert made.base_url == "http://127.0.0.1:8000"
    assert made.files_url == (tmp_path / "data" / "files").as_uri()
    assert made.rate_limit is None
    assert made.outbound_allow == ()


def test_flags_beat_environment_beats_default() -> None:
    environ = {"POLUS_PORT": "9000", "POLUS_SMTP_PORT": "9025"}
    made = settings.load(environ, port=9001, smtp_port=None)
    assert (made.port, made.smtp_port) == (9001, 9025)


def test_flags_may_be_text() -> None:
    assert settings.load({}, port="9001", data="elsewhere").port == 9001


def test_every_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://a:b@db/polus\n")
    made = settings.load({"POLUS_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert made.database_url == "postgresql://a:b@db/polus"


def test_both_schemes_of_postgresql_mean_the_same() -> None:
    for scheme in ("postgres", "postgresql"):
        made = settings.load({"POLUS_DATABASE_URL": f"{scheme}://db/postgres"})
        assert made.database_url == "postgresql://db/postgres"


def test_empty_means_not_given() -> None:
    assert settings.load({"POLUS_PORT": "", "POLUS_DATABASE_URL": ""}).port == 8000


@pytest.mark.parametrize(
    "environ, code",
    [
        ({"POLUS_PORT": "80000"}, "setting-out-of-bounds"),
        ({"POLUS_PORT": "-1"}, "setting-invalid"),
        ({"POLUS_PORT": "http"}, "setting-invalid"),
        ({"POLUS_PROCESSES": "0"}, "setting-out-of-bounds"),
        ({"POLUS_DATABASE_URL": "mysql://x"}, "setting-invalid"),
        ({"POLUS_SMTP_URL": "smtp://"}, "setting-invalid"),
        ({"POLUS_SMTP_URL": "smtp://host:port"}, "setting-invalid"),
        ({"POLUS_BASE_URL": "help.example.com"}, "setting-invalid"),
        ({"POLUS_SECRET_KEY": "short"}, "setting-invalid"),
        ({"POLUS_OUTBOUND_ALLOW": "10.0.0.0/99"}, "setting-invalid"),
        ({"POLUS_OUTBOUND_ALLOW": "a b!"}, "setting-invalid"),
        ({"POLUS_FILES_URL": "ftp://x"}, "setting-invalid"),
        ({"POLUS_TLS_CERT": "cert.pem"}, "tls-incomplete"),
        ({"POLUS_PORT_FILE": "/nowhere"}, "setting-file-unreadable"),
        ({"POLUS_PORT": "1", "POLUS_PORT_FILE": "/nowhere"}, "setting-given-twice"),
    ],
)
def test_misconfiguration_has_a_code_and_a_cure(environ: dict[str, str], code: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        settings.load(environ)
    assert caught.value.code == code
    assert caught.value.sentence
    assert caught.value.cure


def test_an_unknown_flag_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="prot"):
        settings.load({}, prot=1)


def test_misspelt_variables_are_found() -> None:
    environ = {"POLUS_PROT": "1", "POLUS_PORT_FILE": "x", "POLUS_PORT": "1", "PATH": "x"}
    assert settings.unknown(environ) == ["POLUS_PROT"]


def test_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    first = settings.load({}).secret_key
    assert settings.load({}).secret_key == first
    assert len(first) == 64
    path = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["secret.key"]


def test_a_given_secret_key_leaves_no_file(tmp_path: Path) -> None:
    assert settings.load({"POLUS_SECRET_KEY": "k" * 32}).secret_key == "k" * 32
    assert not (tmp_path / "data").exists()


def test_a_damaged_secret_key_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").write_text("cut")
    with pytest.raises(Misconfigured) as caught:
        settings.load({})
    assert caught.value.code == "secret-key-unusable"


def test_secrets_are_not_shown() -> None:
    made = settings.load(
        {
            "POLUS_SECRET_KEY": "sesame" * 6,
            "POLUS_DATABASE_URL": "postgresql://u:sesame@h/d",
            "POLUS_SMTP_URL": "smtp://u:sesame@h",
        }
    )
    assert "sesame" not in repr(made) + str(made) + repr(made.relay())
    with pytest.raises(Misconfigured) as caught:
        settings.load({"POLUS_SMTP_URL": "http://u:sesame@h"})
    assert "sesame" not in str(caught.value)


def test_relay() -> None:
    relay = settings.load({"POLUS_SMTP_URL": "smtps://me%40shop:p%3Aw@mail.example.com"}).relay()
    assert relay is not None
    assert (relay.host, relay.port, relay.implicit_tls) == ("mail.example.com", 465, True)
    assert (relay.user, relay.password) == ("me@shop", "p:w")


def test_outbound_allow() -> None:
    made = settings.load({"POLUS_OUTBOUND_ALLOW": "Shop.internal, 10.1.0.0/16 ::1"})
    assert made.outbound_allow == ("shop.internal", "10.1.0.0/16", "::1")


def test_base_url_names_a_reachable_host() -> None:
    assert settings.load({"POLUS_HOST": "0.0.0.0"}).base_url == "http://localhost:8000"
    assert settings.load({"POLUS_BASE_URL": "https://help.example.com/"}).base_url == (
        "https://help.example.com"
    )
