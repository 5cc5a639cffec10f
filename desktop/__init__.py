"""Tezi: the desk.

Reading order: `brokers/model/__init__.py` (values), `brokers/port.py` (the contract),
`brokers/fyers/codec/feed.py` (wire), `desktop/trading/hub.py` (state), `desktop/docks/depth/`
(pixels). Those five show every kind of file there is.
"""

__version__ = "0.1.0"
