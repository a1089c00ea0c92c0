"""The address of the journal's database: what can be opened, and no password where it cannot."""

import pytest

from monitor.config.fingerprint import plain
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.domain.errors import ConfigError


def load(tmp_path, url: str) -> Settings:
    path = tmp_path / "config.yaml"
    path.write_text(f"journal:\n  url: {url!r}\n", "utf-8")
    return load_settings(path, {})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////srv/a b/journal.db", "sqlite:////srv/a b/journal.db"),
        ("postgresql+psycopg://guard:geheim@db:5433/journal", "postgresql+psycopg://***@db:5433/journal"),
        ("postgresql://guard:ge heim@db/journal", "postgresql://***@db/journal"),
        ("postgresql+psycopg:///journal?user=guard&password=geheim", "postgresql+psycopg:///journal?password=***&"),
    ],
)
def test_an_address_that_can_be_opened_is_taken_and_shown_without_its_password(tmp_path, url, shown):
    settings = load(tmp_path, url)
    assert settings.journal.url.get_secret_value() == url
    assert plain(settings)["journal"]["url"].startswith(shown)
    assert "heim" not in plain(settings)["journal"]["url"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "geheim",
        "guard:geheim@db/journal",
        "mysql://guard:geheim@db/journal",
        "mysql://guard:my geheim@db/journal",
        "postgresql+psycopg2://guard:geheim@db/journal",
        "postgresql+psycopg://guard:p@geheim@db/journal",
        "postgresql+psycopg://guard:p@ss:geheim@db/journal",
        "postgresql+psycopg://guard:geheim@db:port/journal",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///journal.db",
        "sqlite://srv/journal.db",
        "sqlite:////srv/journal.db?mode=memory&uri=true",
    ],
)
def test_any_other_is_refused_in_one_line_that_says_what_is_expected_and_no_password(tmp_path, url):
    with pytest.raises(ConfigError, match=r":2: journal\.url: .*expected .*sqlite:.*postgresql\+psycopg:") as caught:
        load(tmp_path, url)
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)
