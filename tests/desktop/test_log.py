"""No live secret reaches a sink, in whatever form it tries."""

import base64
import json
import logging
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop import log

SECRET = 'eyJ0.CANARY/+"x'


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    log.set_up(tmp_path)
    log.SECRETS.add(SECRET)
    yield tmp_path / "tezi.log"
    for handler in set(root.handlers) - set(before[0]):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(before[1])


def test_every_form_of_a_secret_is_masked(written: Path) -> None:
    forms = [
        SECRET,
        urllib.parse.quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        json.dumps({"t": SECRET}),
    ]
    for form in forms:
        logging.getLogger("t").error("sent %s", form)
    error = RuntimeError(f"bad token {SECRET}")
    logging.getLogger("t").error("failed", exc_info=error)
    text = written.read_text()
    assert "CANARY" not in text
    assert base64.b64encode(SECRET.encode()).decode().rstrip("=") not in text
    assert text.count(log.MASK) >= len(forms) + 1


def test_third_party_chatter_stays_out(written: Path) -> None:
    logging.getLogger("httpx").info("GET https://host/?token=x")
    logging.getLogger("t").info("kept")
    assert "httpx" not in written.read_text()


def test_a_secret_of_digits_is_masked_alone_but_not_inside_longer_numbers() -> None:
    secrets = log.Secrets()
    secrets.add("1234")
    assert secrets.scrub("pin=1234, order 9123456") == f"pin={log.MASK}, order 9123456"


def test_json_is_scrubbed_in_its_texts_only_and_can_still_be_read() -> None:
    secrets = log.Secrets()
    secrets.add("1234", 'quote"d')
    body = json.dumps({"qty": 1234, "text": "pin 1234", "more": ['quote"d', None, 1.5]})
    assert json.loads(secrets.scrub_json(body)) == {
        "qty": 1234,
        "text": f"pin {log.MASK}",
        "more": [log.MASK, None, 1.5],
    }
    assert secrets.scrub_json('{"b":1,"a":"ok"}') == '{"b":1,"a":"ok"}'
    assert secrets.scrub_json("halted by 1234") == f"halted by {log.MASK}"
