"""Budgets as ratios to a named peer, measured in one run: `python3 -m tests --speed [NAME …]`.

Each `bench_*.py` is a program of its own, run by the Python of `.venv-peers` (our packages and the
peers side by side). It alternates the candidates in one process and prints one JSON line a figure:

    {"figure": "…", "peer": "vn.py", "ours": 1.2, "theirs": 9.1, "unit": "ms", "ratio": 7.6,
     "goal": 5.0, "is_met": true}

`ratio` is always "how many times better we are". A run that received or painted nothing is an
error, not a figure.
"""
