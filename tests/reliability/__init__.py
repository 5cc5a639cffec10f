"""Attempts to break the whole program from outside, through the real practice exchange.

The exchange's own book (`GET /orders`) is the truth that everything shown is held against. The
short form runs with every other test; `TEZI_LONG=1` tries every byte and waits out every doubt.
"""
