"""Brokers: one folder each, all behind `brokers/port.py`.

Adding a broker is adding a folder; nothing outside it is edited.

1. `brokers/<name>/codec/`   bytes ↔ model values, both directions, no I/O, no clock.
2. `brokers/<name>/login.py` the login as a generator of steps; `symbols.py` masters → Instrument.
3. `brokers/<name>/broker.py` the port, by composing the codec with `brokers/net`.
4. `brokers/<name>/__init__.py` a `PLUGIN`: name, credential fields, capabilities, login, open.
5. `brokers/<name>/practice.py` a `FACE`: the server's side of the same codecs, on practice.
6. `brokers/<name>/notes.md` sources with dates, quirks, and what is still unverified.

The registry, the login window, the practice host and the conformance tests find it by walking.
"""
