"""py5paisa's way to its scrip master: `get_scrips`, from the answer's bytes on.

The client itself cannot be imported here without a cryptography package that has nothing to do
with it; these are the lines of version 0.7.21.2.
"""

import csv
from io import StringIO

import pandas as pd


def get_scrips(content):
    data = content.decode("utf-8").strip()
    reader = csv.DictReader(StringIO(data))
    return pd.DataFrame(reader)
