"""Numbers as Indian traders write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.ui import rupees

WHOLE = st.integers(min_value=-(10**14), max_value=10**14)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (99_999, "99,999"),
        (1_00_000, "1,00,000"),
        (12_34_567, "12,34,567"),
        (1_23_45_678, "1,23,45,678"),
        (-12_34_567, "−12,34,567"),
        (-7, "−7"),
    ],
)
def test_whole_numbers_are_grouped_by_lakh_and_crore(number: int, text: str) -> None:
    assert rupees.group(number) == text


@given(WHOLE)
def test_grouping_never_changes_the_number(number: int) -> None:
    assert rupees.read_units(rupees.group(number)) == number


@given(st.integers(min_value=1_000, max_value=10**14))
def test_groups_are_pairs_before_the_last_three(number: int) -> None:
    first, *pairs, last = rupees.group(number).split(",")
    assert len(last) == 3
    assert all(len(pair) == 2 for pair in pairs)
    assert 1 <= len(first) <= 2


@pytest.mark.parametrize(
    ("price_e4", "decimals", "text"),
    [
        (12_345_675_000, 2, "12,34,567.50"),
        (884_275, 4, "88.4275"),
        (884_200, 4, "88.4200"),
        (500, 2, "0.05"),
        (0, 2, "0.00"),
        (-500, 2, "−0.05"),
        (-49, 2, "0.00"),
        (-50, 2, "−0.01"),
        (19_999_950, 2, "2,000.00"),
        (255_000, 0, "26"),
    ],
)
def test_prices_have_the_decimals_of_their_tick(price_e4: int, decimals: int, text: str) -> None:
    assert rupees.price(price_e4, decimals) == text


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_a_price_of_four_decimals_reads_back_exactly(price_e4: int) -> None:
    assert rupees.read_price_e4(rupees.price(price_e4, 4)) == price_e4


def test_differences_carry_a_sign_and_a_zero_none() -> None:
    assert rupees.signed_price(12_500) == "+1.25"
    assert rupees.signed_price(-12_500) == "−1.25"
    assert rupees.signed_price(0) == "0.00"
    assert rupees.signed_price(10) == "0.00"
    assert rupees.signed(1_500) == "+1,500"
    assert rupees.signed_paise(-1_25_050) == "−1,250.50"
    assert rupees.signed_paise(1_25_050, symbol=True) == "+₹1,250.50"
    assert rupees.paise(-8_000, symbol=True) == "−₹80.00"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (842, "842"),
        (9_999, "9,999"),
        (10_000, "10.0K"),
        (98_400, "98.4K"),
        (99_949, "99.9K"),
        (99_950, "1.00L"),
        (12_34_567, "12.35L"),
        (99_99_499, "99.99L"),
        (99_99_500, "1.00Cr"),
        (4_20_00_000, "4.20Cr"),
        (12_50_00_00_000, "1,250Cr"),
        (9_99_99_49_999, "999.99Cr"),
        (9_99_99_50_000, "1,000Cr"),
        (-2_50_000, "−2.50L"),
    ],
)
def test_large_numbers_are_short_in_lakh_and_crore(number: int, text: str) -> None:
    assert rupees.compact(number) == text


@given(st.integers(min_value=0, max_value=10**13))
def test_a_short_number_is_within_one_percent(number: int) -> None:
    assert abs(rupees.read_units(rupees.compact(number)) - number) * 100 <= max(number, 1)


def test_short_money_drops_the_paise() -> None:
    assert rupees.compact_paise(12_34_56_700, symbol=True) == "₹12.35L"
    assert rupees.compact_paise(-49) == "0"


def test_percent_has_a_sign_and_no_percent_of_nothing() -> None:
    assert rupees.percent(5, 400) == "+1.25%"
    assert rupees.percent(-5, 400) == "−1.25%"
    assert rupees.percent(0, 400) == "0.00%"
    assert rupees.percent(1, 10**7) == "0.00%"
    assert rupees.percent(5, 0) == "–"
    assert rupees.percent(1, 3, 0) == "+33%"


@pytest.mark.parametrize(
    ("typed", "units"),
    [
        ("1.2l", 1_20_000),
        ("25k", 25_000),
        ("1,234", 1_234),
        ("3 cr", 3_00_00_000),
        ("0.5 lakh", 50_000),
        (" 75 ", 75),
        ("−10", -10),
        ("+10", 10),
        ("2.50", None),
        ("", None),
        ("abc", None),
        ("1e5", None),
        ("1.2.3", None),
        ("9" * 40, None),
        ("१२", None),
    ],
)
def test_typed_quantities_are_read_exactly_or_refused(typed: str, units: int | None) -> None:
    if units is None:
        with pytest.raises(ValueError, match=r"expected|nothing"):
            rupees.read_units(typed)
    else:
        assert rupees.read_units(typed) == units


@pytest.mark.parametrize(
    ("typed", "price_e4"),
    [
        ("1,234.50", 12_345_000),
        ("₹88.4275", 884_275),
        (".05", 500),
        ("5.", 50_000),
        ("1.2k", 12_000_000),
        ("0.00005", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_typed_prices_are_read_exactly_or_refused(typed: str, price_e4: int | None) -> None:
    if price_e4 is None:
        with pytest.raises(ValueError, match="expected a price"):
            rupees.read_price_e4(typed)
    else:
        assert rupees.read_price_e4(typed) == price_e4


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_a_readable_refusal(typed: str) -> None:
    refusal = ""
    try:
        rupees.read_paise(typed)
    except ValueError as error:
        refusal = str(error)
    assert len(refusal) < 100
