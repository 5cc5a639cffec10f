"""Tokens: the same roles in every theme, and everything readable."""

import re
import tomllib

import pytest
from PySide6.QtGui import QColor, QFontMetricsF

import resources
from desktop.ui import icons, theme
from desktop.ui.theme import Theme


@pytest.mark.parametrize("name", theme.NAMES)
def test_every_text_is_readable_on_every_ground_it_stands_on(name: str, qapp: object) -> None:
    del qapp
    assert Theme(name).poor_pairs() == []


def test_contrast_is_the_one_of_wcag() -> None:
    assert theme.contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21, abs=0.01)
    assert theme.contrast(QColor("#777777"), QColor("#ffffff")) == pytest.approx(4.48, abs=0.01)


def test_every_theme_has_the_same_roles() -> None:
    files = [tomllib.loads(resources.text(f"themes/{name}.toml")) for name in theme.NAMES]
    assert {frozenset(file["colour"]) for file in files} == {frozenset(files[0]["colour"])}
    assert all(re.fullmatch("#[0-9a-f]{6}", c) for file in files for c in file["colour"].values())


def test_buying_and_selling_differ_in_brightness_or_hue_for_colour_blind_eyes() -> None:
    # Red-green blindness keeps blue apart: the two must differ clearly in their blue part.
    for name in theme.NAMES:
        look = Theme(name)
        assert abs(look.colour("buy").blue() - look.colour("sell").blue()) > 60


def test_switching_theme_or_text_size_is_told_once(qapp: object) -> None:
    del qapp
    look = Theme.current()
    before = look.name, look.scale
    told: list[float] = []
    look.changed.connect(lambda: told.append(look.scale))
    small = look.row_height
    try:
        look.use("light", scale=1.25)
        look.use("light", scale=1.25)
        assert told == [1.25]
        assert not look.is_dark
        assert look.row_height > small
    finally:
        look.use(before[0], scale=before[1])
    assert told == [1.25, before[1]]


def test_an_unknown_theme_or_role_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a theme"):
        Theme("sepia")
    with pytest.raises(KeyError):
        Theme("dark").colour("teal")


def test_the_style_sheet_has_every_token_and_file_it_names(qapp: object) -> None:
    del qapp
    sheet = Theme("dark").style_sheet()
    assert "$" not in sheet
    files = re.findall(r'url\("([^"]+)"\)', sheet)
    assert files
    assert all(resources.path(f"icons/{file.rpartition('/')[2]}").exists() for file in files)


def test_figures_are_of_equal_width(qapp: object) -> None:
    del qapp
    metrics = QFontMetricsF(Theme("dark").font())
    assert len({metrics.horizontalAdvance(figure) for figure in "0123456789"}) == 1


def test_every_icon_is_drawn_in_the_colour_asked_for(qapp: object) -> None:
    del qapp
    for name in icons.names():
        image = icons.pixmap(name, "danger", 16, 2.0).toImage()
        wanted = Theme.current().colour("danger")
        inked = [
            image.pixelColor(x, y)
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() > 200
        ]
        assert inked, name
        assert all(abs(pixel.red() - wanted.red()) < 8 for pixel in inked), name


def test_an_unknown_icon_is_refused(qapp: object) -> None:
    del qapp
    with pytest.raises(KeyError, match="no icon"):
        icons.icon("banana")
