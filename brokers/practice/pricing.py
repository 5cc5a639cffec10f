"""Carry, smile and Black-76: floats in, floats out; rounding to the tick is the caller's.

One polynomial serves scalars and arrays, so that a live price and the bar around it agree.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from brokers.practice.values import Greeks

Floats = npt.NDArray[np.float64]

YEAR_NS: Final = 365 * 86_400 * 1_000_000_000
RATE: Final = 0.065
"""The carry of equities and indices a year, and the discounting of every option."""

COMMODITY_CARRY: Final = 0.05
CURRENCY_CARRY: Final = 0.02

# Abramowitz & Stegun 26.2.17: |error| < 7.5e-8.
_P: Final = 0.2316419
_B: Final = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)
_ROOT: Final = 1.0 / math.sqrt(2.0 * math.pi)
_LEAST_YEARS: Final = 1e-6

SMILE_SLOPE: Final = -0.11
SMILE_CURVE: Final = 0.28
_LEAST_SMILE, _MOST_SMILE = 0.7, 2.2


def forward(spot: float, carry: float, years: float) -> float:
    """Give the price for later delivery."""
    return spot * math.exp(carry * max(years, 0.0))


def forwards(spot: Floats, carry: float, years: Floats) -> Floats:
    """Give `forward` for arrays."""
    return spot * np.exp(carry * np.maximum(years, 0.0))


def smile(base: float, forward_: float, strike: float, years: float) -> float:
    """Give a strike's volatility, the same for call and put."""
    width = base * math.sqrt(max(years, 7 / 365))
    k = math.log(strike / forward_) / width * 0.25
    factor = 1.0 + SMILE_SLOPE * k + SMILE_CURVE * k * k
    return base * min(max(factor, _LEAST_SMILE), _MOST_SMILE)


def smiles(base: float, forward_: Floats, strike: float, years: Floats) -> Floats:
    """Give `smile` for arrays."""
    width = base * np.sqrt(np.maximum(years, 7 / 365))
    k = np.log(strike / forward_) / width * 0.25
    factor = 1.0 + SMILE_SLOPE * k + SMILE_CURVE * k * k
    return base * np.clip(factor, _LEAST_SMILE, _MOST_SMILE)


def normal(x: float) -> float:
    """Give the cumulative normal distribution."""
    t = 1.0 / (1.0 + _P * abs(x))
    tail = _ROOT * math.exp(-0.5 * x * x) * t * _polynomial(t)
    return 1.0 - tail if x >= 0 else tail


def _polynomial(t: float) -> float:
    b1, b2, b3, b4, b5 = _B
    return b1 + t * (b2 + t * (b3 + t * (b4 + t * b5)))


def normals(x: Floats) -> Floats:
    """Give `normal` for arrays."""
    t = 1.0 / (1.0 + _P * np.abs(x))
    b1, b2, b3, b4, b5 = _B
    tail = _ROOT * np.exp(-0.5 * x * x) * t * (b1 + t * (b2 + t * (b3 + t * (b4 + t * b5))))
    return np.where(x >= 0, 1.0 - tail, tail)


def black(forward_: float, strike: float, years: float, volatility: float, *, call: bool) -> float:
    """Give the discounted price of an option on a forward; its intrinsic value at expiry."""
    if years < _LEAST_YEARS:
        return max(forward_ - strike, 0.0) if call else max(strike - forward_, 0.0)
    width = volatility * math.sqrt(years)
    d1 = math.log(forward_ / strike) / width + 0.5 * width
    discount = math.exp(-RATE * years)
    value = discount * (forward_ * normal(d1) - strike * normal(d1 - width))
    value = max(value, discount * max(forward_ - strike, 0.0))
    # By parity, so that it holds to the last digit.
    return value if call else value - discount * (forward_ - strike)


def blacks(
    forward_: Floats, strike: float, years: Floats, volatility: Floats, *, call: bool
) -> Floats:
    """Give `black` for arrays."""
    alive = np.maximum(years, _LEAST_YEARS)
    width = volatility * np.sqrt(alive)
    d1 = np.log(forward_ / strike) / width + 0.5 * width
    discount = np.exp(-RATE * alive)
    value = discount * (forward_ * normals(d1) - strike * normals(d1 - width))
    value = np.maximum(value, discount * np.maximum(forward_ - strike, 0.0))
    if not call:
        value = value - discount * (forward_ - strike)
    ended = np.maximum(forward_ - strike, 0.0) if call else np.maximum(strike - forward_, 0.0)
    return np.where(years < _LEAST_YEARS, ended, value)


def greeks(
    forward_: float, strike: float, years: float, volatility: float, *, call: bool
) -> Greeks:
    """Give an option's sensitivities to its forward."""
    years = max(years, _LEAST_YEARS)
    width = volatility * math.sqrt(years)
    d1 = math.log(forward_ / strike) / width + 0.5 * width
    discount = math.exp(-RATE * years)
    density = _ROOT * math.exp(-0.5 * d1 * d1)
    delta = discount * (normal(d1) if call else normal(d1) - 1.0)
    price = black(forward_, strike, years, volatility, call=call)
    decay = forward_ * discount * density * volatility / (2.0 * math.sqrt(years))
    return Greeks(
        iv=volatility,
        delta=delta,
        gamma=discount * density / (forward_ * width),
        theta=(RATE * price - decay) / 365.0,
        vega=forward_ * discount * density * math.sqrt(years) / 100.0,
    )
