"""Bytes and typed messages, both directions; no I/O, no clock."""
