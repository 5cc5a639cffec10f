"""Settings survive: torn files, foreign files, values out of range."""

from pathlib import Path

import pytest

from desktop.settings import OPTIONS, Settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_a_changed_option_is_there_at_the_next_start(path: Path) -> None:
    Settings(path).set("look.theme", "light")
    assert Settings(path).text("look.theme") == "light"


def test_a_value_out_of_range_is_refused_and_named(path: Path) -> None:
    settings = Settings(path)
    with pytest.raises(ValueError, match=r"look\.scale_percent: expected 75 to 200, was 900"):
        settings.set("look.scale_percent", 900)
    assert settings.number("look.scale_percent") == 100


def test_a_torn_file_falls_back_to_the_version_before(path: Path) -> None:
    settings = Settings(path)
    settings.set("look.theme", "light")
    settings.set("look.scale_percent", 125)
    whole = path.read_bytes()
    for k in range(0, len(whole), 7):
        path.write_bytes(whole[:k])
        again = Settings(path)
        assert again.text("look.theme") == "light", k
        assert again.number("look.scale_percent") == 100, k
        assert again.problems, k


def test_a_hand_edited_value_is_not_trusted(path: Path) -> None:
    Settings(path).set("orders.max_quantity", 500)
    path.write_bytes(path.read_bytes().replace(b"500", b"999"))
    again = Settings(path)
    assert again.number("orders.max_quantity") == 100_000
    assert any("settings.json" in problem for problem in again.problems)


def test_an_observer_hears_of_its_own_option_only(path: Path) -> None:
    settings = Settings(path)
    heard: list[str] = []
    settings.observe("look.theme", lambda: heard.append("theme"))
    settings.set("look.scale_percent", 110)
    settings.set("look.theme", "light")
    settings.set("look.theme", "light")
    assert heard == ["theme"]


def test_every_default_is_inside_its_own_range() -> None:
    assert [option.problem(option.default) for option in OPTIONS] == [None] * len(OPTIONS)
    assert len({option.key for option in OPTIONS}) == len(OPTIONS)
