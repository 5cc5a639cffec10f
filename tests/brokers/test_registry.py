"""The registry: brokers are found, not listed."""

import pytest

from brokers.port import Plugin
from brokers.registry import default_practice, plugin, plugins, practice_face, practice_faces


def test_every_broker_folder_is_a_plugin_under_its_own_name() -> None:
    found = plugins()
    assert found
    assert all(isinstance(each, Plugin) for each in found.values())
    assert list(found) == sorted(found)
    assert all(plugin(name) is each for name, each in found.items())


def test_exactly_one_wire_is_the_built_in_practice_accounts() -> None:
    defaults = [each for each in plugins().values() if each.is_practice_default]
    assert defaults == [default_practice()]


def test_an_unknown_broker_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=f"there are: .*{next(iter(plugins()))}"):
        plugin("nobody")


def test_every_practice_face_can_be_made() -> None:
    for name in practice_faces():
        assert callable(getattr(practice_face(name), "make", None)), name


def test_every_plugin_says_what_a_login_and_an_account_need() -> None:
    for each in plugins().values():
        assert each.title
        assert each.fields
        assert len({field.id for field in each.fields}) == len(each.fields)
        assert each.endpoints
        assert all("://" in address for address in each.endpoints.values())
        assert each.capabilities.max_followed > 0
