"""Finding instruments by what people type: `nifty 25000 ce`, `tata motors`, `sbin fut`.

Cash instruments and chains are found by words; contracts of a chain by what they are: right,
expiry, strike. Each word must fit somewhere. Better fits come first; among equals cash before
futures before options, the nearer expiry, the strike closer to the price.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brokers.model.instrument import Exchange, InstrumentId, InstrumentKind, Right
from desktop.trading.clock import date_of
from desktop.trading.roster import MISSING, SEPARATOR, Chain, Roster
from desktop.trading.vocabulary import Carried, Vocabulary, subwords, words

Longs = NDArray[np.int64]
Bytes = NDArray[np.int8]
Array = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
Spot = Callable[[InstrumentId], int | None]
"""The price of an underlying, if anyone knows it."""

HEADS: Final = "search_heads"
REST: Final = "search_rest"
_MISS: Final = 64
"""A fit that is none: larger than any sum of fits."""
_EXACT, _HEAD, _WORD, _PART = 0, 1, 2, 3
_UNASKED: Final = 16
"""What options are set back by when nothing in the query asks for a contract."""
_MOST_WORDS: Final = 8
_SPACES: Final = str.maketrans(dict.fromkeys("!\"#$%'()*+,-./:;<=>?@[\\]^_`{|}~", " "))
_FEW_CHAINS: Final = 8
_MOST_ROWS: Final = 2_000
_PREFIX: Final = re.compile(r"\s*(nse|bse|mcx)\s*:", re.IGNORECASE)
_INITIALS: Final = re.compile(r"\b(\w) & (?=\w\b)")
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?\Z")
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_RIGHTS: Final = {"ce": 1, "call": 1, "calls": 1, "pe": 2, "put": 2, "puts": 2}
_KINDS: Final = {
    **dict.fromkeys(("fut", "future", "futures"), InstrumentKind.FUTURE),
    **dict.fromkeys(("opt", "option", "options"), InstrumentKind.OPTION),
}


class _Trait(NamedTuple):
    """How well each contract fits a word: the best over some codes and their tables of fits."""

    parts: list[tuple[Array, Bytes]]

    def fits(self, rows: slice) -> Bytes:
        best = _take(*self.parts[0], rows)
        for codes, table in self.parts[1:]:
            best = np.minimum(best, _take(codes, table, rows))
        return best


def _take(codes: Array, table: Bytes, rows: slice) -> Bytes:
    return table.take(codes[rows])


class _Found(NamedTuple):
    """Rows and how well each fits; smaller is better."""

    rows: Longs
    fits: Longs


class SearchIndex:
    """Search over one roster."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        arrays, docs = roster.arrays, roster.docs
        self._heads = Vocabulary.unpack(HEADS, roster.tables[HEADS][0], arrays)
        self._rest = Vocabulary.unpack(REST, roster.tables[REST][0], arrays)
        self._subjects = docs + len(roster.chains)
        self._sizes = np.array([chain.last - chain.first for chain in roster.chains], np.int64)
        self._starts = np.array([chain.first for chain in roster.chains], np.int64)
        self._by_initial: dict[str, list[tuple[str, Chain]]] = {}
        for chain in roster.chains:
            name = chain.underlying.upper().replace(" ", "")
            self._by_initial.setdefault(name[:1], []).append((name, chain))
        # Columns of the contracts only, from the first row of a chain on.
        self._right, self._kind = arrays["right"][docs:], arrays["kind"][docs:]
        self._exchange = arrays["exchange"][docs:]
        self._expiry = arrays["expiry_code"]
        self._strike, self._strikes = arrays["strike_e4_code"], arrays["strike_e4_values"]
        dates = [date_of(int(day)) for day in arrays["expiry_values"]]
        self._days = np.array([date.day for date in dates], np.int64)
        self._months = np.array([date.month for date in dates], np.int64)
        self._years = np.array([date.year for date in dates], np.int64)

    @staticmethod
    def extend(roster: Roster) -> None:
        """Add to a roster what searching needs, so that it is kept with it."""
        heads, rest = map(Vocabulary.build, _carried(roster))
        roster.tables[HEADS], roster.tables[REST] = [heads.text], [rest.text]
        roster.arrays.update({**heads.pack(HEADS), **rest.pack(REST)})
        roster.arrays["away"] = _away(roster)

    def search(self, text: str, limit: int, today: int, spot: Spot | None = None) -> list[int]:
        """Give the rows that fit, best first; `today` in days since 1970."""
        exchange, text = _split_exchange(text)
        text = _INITIALS.sub(r"\1&", text)  # "m & m" is typed for M&M
        found = self._exact(exchange, text)
        asked = words(text)[:_MOST_WORDS]
        if not asked or len(found) >= limit:
            return found[:limit]
        rows = self._by_words(asked, exchange, limit, today, spot)
        if not len(rows):
            rows = self._by_ticker(text, exchange, today, spot)
        split = [part for word in asked for part in subwords(word)]
        if not len(rows) and split != asked:
            rows = self._by_words(split[:_MOST_WORDS], exchange, limit, today, spot)
        found += [row for row in rows.tolist() if row not in found]
        return found[:limit]

    def _exact(self, exchange: str, text: str) -> list[int]:
        symbol = text.strip().upper()
        names = [exchange] if exchange else [each.value for each in Exchange]
        rows = [self._roster.row_of_symbol(f"{name}:{symbol}") for name in names]
        if symbol.isdigit() and len(symbol) >= 3:
            # Exchange codes such as BSE's are known by heart.
            ids = [InstrumentId(f"{name}:CM:{symbol}") for name in names]
            rows += [self._roster.row_of(instrument) for instrument in ids]
        return [row for row in rows if row is not None]

    # -- by words

    def _by_words(
        self, asked: list[str], exchange: str, limit: int, today: int, spot: Spot | None
    ) -> Longs:
        found = self._fits_of(asked)
        if found is None:
            return np.empty(0, np.int64)
        fits, traits = found
        docs, chains = fits[:, : self._roster.docs], fits[:, self._roster.docs :]
        self._fit_exchange_words(asked, docs)
        ranked = [
            self._rank_cash(_all_fit(docs)),
            self._rank(self._contracts(traits, chains), today, spot),
        ]
        rows = np.concatenate([each.rows for each in ranked])
        keys = np.concatenate([each.fits for each in ranked])
        if exchange:
            code = list(Exchange).index(Exchange(exchange))
            is_there = self._roster.arrays["exchange"][rows] == code
            rows, keys = rows[is_there], keys[is_there]
        if len(rows) > 4 * limit:
            best = np.argpartition(keys, limit)[:limit]
            rows, keys = rows[best], keys[best]
        return rows[np.lexsort((rows, keys))][:limit]

    def _fits_of(self, asked: list[str]) -> tuple[Bytes, list[_Trait | None]] | None:
        """Tell of each word how well it fits and what it means; None if one fits nowhere."""
        fits, traits = [], []
        for word in asked:
            trait, fit = self._trait(word), self._fits(word)
            if trait is None and fit.min(initial=_MISS) >= _MISS:
                return None
            fits.append(fit)
            traits.append(trait)
        return np.stack(fits), traits

    def _fits(self, word: str) -> Bytes:
        """Tell how well a word fits each subject's words."""
        fits = np.full(self._subjects, _MISS, np.int8)
        if len(word) > 2:
            fits[self._rest.containing(word)] = _PART
            fits[self._heads.containing(word)] = _PART
        fits[self._rest.prefixed(word)] = _WORD
        fits[self._heads.prefixed(word)] = _HEAD
        fits[self._heads.exact(word)] = _EXACT
        return fits

    def _fit_exchange_words(self, asked: list[str], docs: Bytes) -> None:
        """Let `bse sbin` mean the one on BSE, without hiding the share called BSE."""
        codes = self._roster.arrays["exchange"][: self._roster.docs]
        for index, word in enumerate(asked):
            if word.upper() in Exchange.__members__:
                is_there = codes == list(Exchange).index(Exchange(word.upper()))
                docs[index, is_there] = np.minimum(docs[index, is_there], _HEAD)

    def _contracts(self, traits: list[_Trait | None], chains: Bytes) -> _Found:
        """Find contracts: by the chain's words, and what those leave by the contracts' traits."""
        is_trait = np.array([trait is not None for trait in traits], np.bool_)[:, None]
        is_text = chains < _MISS
        is_named: Flags = np.logical_and.reduce(is_text)
        is_asked: Flags = np.logical_and.reduce(is_text | is_trait) & ~is_named
        found = [self._of_named_chains(chains, is_named)]
        patterns = np.unique(is_text[:, is_asked], axis=1) if is_asked.any() else is_text[:, :0]
        for pattern in patterns.T:
            chosen = np.flatnonzero(is_asked & (is_text == pattern[:, None]).all(axis=0))
            needed = [t for t, is_told in zip(traits, pattern, strict=True) if t and not is_told]
            base = np.where(pattern[:, None], chains[:, chosen], 0).sum(axis=0, dtype=np.int64)
            found.append(self._with_traits(chosen, base, needed))
        return _join(found)

    def _of_named_chains(self, chains: Bytes, is_named: Flags) -> _Found:
        """Give the futures of the chains named, and behind everything the best ones' options."""
        chosen = np.flatnonzero(is_named)
        if not len(chosen):
            return _join([])
        fits = chains[:, chosen].sum(axis=0, dtype=np.int64)
        found = []
        best = set(chosen[np.argsort(fits, kind="stable")[:2]].tolist())
        option = _kind_code(InstrumentKind.OPTION)
        for chain, fit in zip(chosen.tolist(), fits.tolist(), strict=True):
            first = int(self._starts[chain])
            kinds = self._kind[_slice(first, int(self._sizes[chain]), self._roster.docs)]
            rows = first + np.flatnonzero(kinds != option)
            found.append(_Found(rows, np.full(len(rows), fit)))
            if chain in best:
                rows = first + np.flatnonzero(kinds == option)[:_MOST_ROWS]
                found.append(_Found(rows, np.full(len(rows), fit + _UNASKED)))
        return _join(found)

    def _with_traits(self, chosen: Longs, base: Longs, needed: list[_Trait]) -> _Found:
        """Give the contracts of some chains that have all the traits asked for."""
        docs = self._roster.docs
        if any(all(table.min() >= _MISS for _, table in trait.parts) for trait in needed):
            return _join([])
        if len(chosen) <= _FEW_CHAINS:
            found = []
            for chain, fit in zip(chosen.tolist(), base.tolist(), strict=True):
                rows = _slice(int(self._starts[chain]), int(self._sizes[chain]), docs)
                found.append(_fitting(_sum_fits(needed, rows), rows.start + docs, fit))
            return _join(found)
        fits = _sum_fits(needed, slice(0, self._roster.count - docs)).astype(np.int64)
        of_chain = np.full(len(self._sizes), _MISS, np.int64)
        of_chain[chosen] = base
        fits += np.repeat(of_chain, self._sizes)
        return _fitting(fits, docs, 0)

    # -- what a contract is

    def _trait(self, word: str) -> _Trait | None:
        """Read a word as something contracts have; None if it cannot be that."""
        if word in _RIGHTS:
            return _Trait([(self._right, _only(_RIGHTS[word], 1 + len(Right)))])
        if word in _KINDS:
            return _Trait([(self._kind, _only(_kind_code(_KINDS[word]), len(InstrumentKind)))])
        if word.upper() in Exchange.__members__:
            code = list(Exchange).index(Exchange(word.upper()))
            # As well as it fits a share, so that the share comes before its contracts.
            is_there = np.arange(len(Exchange)) == code
            return _Trait([(self._exchange, _fit_where(is_there, _HEAD))])
        if len(word) >= 3:
            months = [i for i, name in enumerate(_MONTHS, 1) if name.startswith(word)]
            if months or word == "sept":
                is_month = np.isin(self._months, months or [9])
                return _Trait([(self._expiry, _fit_where(is_month, _EXACT))])
        return self._number_trait(word) if _NUMBER.match(word) else None

    def _number_trait(self, word: str) -> _Trait:
        """Read a number as a strike, the beginning of one, a day or a year."""
        strikes = np.full(len(self._strikes), _MISS, np.int8)
        whole, _, fraction = word.partition(".")
        exact_e4 = int(whole + fraction.ljust(4, "0"))
        if not fraction:
            for zeros in range(9 - len(whole)):
                unit = 10_000 * 10**zeros
                low, high = int(whole) * unit, (int(whole) + 1) * unit
                first, last = np.searchsorted(self._strikes, (low, high))
                strikes[first:last] = _HEAD
        strikes[self._strikes == exact_e4] = _EXACT
        parts = [(self._strike, strikes)]
        if not fraction and len(whole) in (1, 2, 4):
            number = int(whole)
            is_dated = (self._years == number) | (self._years % 100 == number)
            if len(whole) <= 2:
                is_dated |= self._days == number
            parts.append((self._expiry, _fit_where(is_dated, _EXACT)))
        return _Trait(parts)

    # -- by the beginning of a contract's symbol

    def _by_ticker(self, text: str, exchange: str, today: int, spot: Spot | None) -> Longs:
        ticker = text.upper().replace(" ", "")
        rows: list[int] = []
        for name, chain in self._by_initial.get(ticker[:1], ()):
            if ticker.startswith(name) and exchange in ("", chain.exchange.value):
                symbol = f"{chain.exchange}:{ticker}"
                rows += self._roster.rows_starting(symbol, chain.first, chain.last, _MOST_ROWS)
        found = _Found(np.array(rows, np.int64), np.zeros(len(rows), np.int64))
        ranked = self._rank(found, today, spot)
        return ranked.rows[np.argsort(ranked.fits, kind="stable")]

    # -- ranking

    def _rank_cash(self, found: _Found) -> _Found:
        return _Found(found.rows, found.fits << 54)

    def _rank(self, found: _Found, today: int, spot: Spot | None) -> _Found:
        """Order contracts of equal fit: nearest expiry, greatest chain, future, closest strike."""
        rows, fits = found
        if len(rows) > _MOST_ROWS:
            order = np.argsort(fits, kind="stable")[:_MOST_ROWS]
            rows, fits = rows[order], fits[order]
        if not len(rows):
            return _Found(rows, fits)
        arrays = self._roster.arrays
        wait = arrays["expiry"][rows].astype(np.int64) - today
        wait = np.where(wait < 0, 16_000, np.minimum(wait, 15_999))
        chain = np.searchsorted(self._starts, rows, "right") - 1
        away = arrays["away"][rows - self._roster.docs].astype(np.int64)
        if spot is not None:
            away = self._away_from_spot(rows, chain, away, spot)
        is_option = arrays["kind"][rows] == _kind_code(InstrumentKind.OPTION)
        # 6 bits of fit, 1 that says "no cash", 14 of expiry, 12 of chain, 1 of kind, 26 of strike.
        key = (((fits << 1) + 1) << 53) + (wait << 39) + (np.minimum(chain, 4_095) << 27)
        key += (is_option.astype(np.int64) << 26) + np.minimum(away // 100, (1 << 26) - 1)
        return _Found(rows, key)

    def _away_from_spot(self, rows: Longs, chain: Longs, away: Longs, spot: Spot) -> Longs:
        """Measure strikes from the price where it is known, instead of from the chain's middle."""
        arrays, tables = self._roster.arrays, self._roster.tables
        for each in np.unique(chain)[:_FEW_CHAINS].tolist():
            underlying = tables["underlying_id"][arrays["underlying_id"][self._starts[each]]]
            price = spot(InstrumentId(underlying)) if underlying else None
            if price is not None:
                distance = np.abs(arrays["strike_e4"][rows].astype(np.int64) - price)
                away = np.where(
                    (chain == each) & (arrays["strike_e4"][rows] != MISSING), distance, away
                )
        return away


def _split_exchange(text: str) -> tuple[str, str]:
    match = _PREFIX.match(text)
    return (match.group(1).upper(), text[match.end() :]) if match else ("", text)


_KIND_CODES: Final = {kind: code for code, kind in enumerate(InstrumentKind)}


def _kind_code(kind: InstrumentKind) -> int:
    return _KIND_CODES[kind]


def _slice(first: int, size: int, docs: int) -> slice:
    """Turn rows of a roster into places in the contracts' columns."""
    return slice(first - docs, first - docs + size)


def _only(code: int, count: int) -> Bytes:
    return _fit_where(np.arange(count) == code, _EXACT)


def _fit_where(is_fit: Flags, fit: int) -> Bytes:
    return np.where(is_fit, fit, _MISS).astype(np.int8)


def _all_fit(fits: Bytes) -> _Found:
    is_fit = fits.max(axis=0) < _MISS
    return _fitting(np.where(is_fit, fits.sum(axis=0, dtype=np.int16), _MISS), 0, 0)


def _sum_fits(traits: list[_Trait], rows: slice) -> Longs:
    total = traits[0].fits(rows).astype(np.int16)
    for trait in traits[1:]:
        total += trait.fits(rows)
    return total.astype(np.int64)


def _fitting(fits: Array, first: int, base: int) -> _Found:
    """Give the places that fit, the best of them only where there are very many."""
    places = np.flatnonzero(fits < _MISS)
    if len(places) > _MOST_ROWS:
        # Of 16 bits, for those numpy has a sort that does not compare.
        chosen = np.argsort(fits[places].astype(np.int16), kind="stable")[:_MOST_ROWS]
        places = places[chosen]
    return _Found(places + first, fits[places].astype(np.int64) + base)


def _join(found: Iterable[_Found]) -> _Found:
    each = [one for one in found if len(one.rows)]
    if not each:
        return _Found(np.empty(0, np.int64), np.empty(0, np.int64))
    return _Found(
        np.concatenate([one.rows for one in each]), np.concatenate([one.fits for one in each])
    )


# -- the words of subjects


def _carried(roster: Roster) -> tuple[Carried, Carried]:
    """Give the words of all subjects: the first of each ticker, and all others.

    What stands for an instrument in chains counts as a ticker too; a chain has the words of its
    underlying's name.
    """
    heads, rest = Carried(), Carried()
    # Split like `words`, but all texts at once.
    spaced = roster.joined_texts(roster.docs).lower().translate(_SPACES)
    texts = spaced.split("\n")[:-1]
    of_underlying: dict[int, int] = {}
    codes = roster.arrays["underlying"][: roster.docs].tolist()
    # Only a name of one word, such as NIFTY for NIFTY50-INDEX, stands for a ticker.
    split = [words(text) for text in roster.tables["underlying"]]
    underlyings = [each[0] if len(each) == 1 else "" for each in split]
    for row, line in enumerate(texts):
        code = codes[row]
        of_underlying.setdefault(code, row)
        ticker, others = _spoken(line)
        heads.add(ticker, row)
        if underlyings[code] and underlyings[code] not in ticker:
            heads.add([underlyings[code]], row)
        rest.add(others, row)
    ids, table = roster.arrays["underlying_id"], roster.tables["underlying_id"]
    for subject, chain in enumerate(roster.chains, roster.docs):
        own = words(chain.underlying)
        heads.add(own[:1], subject)
        known = roster.row_of(InstrumentId(table[ids[chain.first]]))
        if known is None or known >= roster.docs:
            known = of_underlying.get(int(roster.arrays["underlying"][chain.first]))
        rest.add(own[1:] if known is None else own[1:] + _spoken(texts[known])[1], subject)
    return heads, rest


def _spoken(line: str) -> tuple[list[str], list[str]]:
    """Give the first word of a row's ticker, and all other words of its symbol and name."""
    symbol, name, _ = line.split(SEPARATOR, 2)
    ticker = symbol.split()[1:]
    mixed = [word for word in ticker if not (word.isalpha() or word.isdigit())]
    others = ticker[1:] + name.split() + [part for word in mixed for part in subwords(word)]
    return ticker[:1], others


def _away(roster: Roster) -> Longs:
    """Give each option's distance from the middle strike of its chain and expiry."""
    contracts = slice(roster.docs, roster.count)
    strike = roster.arrays["strike_e4"][contracts].astype(np.int64)
    away = np.zeros(len(strike), np.int64)
    options = np.flatnonzero(strike != MISSING)
    if not len(options):
        return away
    chain = np.repeat(
        np.arange(len(roster.chains)), [each.last - each.first for each in roster.chains]
    )
    group = chain * 100_000 + roster.arrays["expiry"][contracts]
    first = np.flatnonzero(np.append(True, np.diff(group[options]) != 0))
    last = np.append(first[1:], len(options))
    middle = strike[options[(first + last - 1) // 2]]
    away[options] = np.abs(strike[options] - np.repeat(middle, last - first))
    return away
