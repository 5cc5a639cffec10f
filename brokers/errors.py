"""What can go wrong with a broker, told by what the caller may do about it.

BrokerError
├─ NotSent             provably never left: nothing happened; safe to offer again
├─ Refused             the venue said no, in its own words and code
│  ├─ LoginExpired     log in again; the order was not queued
│  ├─ RateLimited      too fast; `retry_after_s` if the venue said
│  └─ OrderRefused     the order itself; `broker_id` if the venue created it before refusing
├─ OutcomeUnknown      it left, no answer that proves anything: reconcile, never resend
└─ DecodeError         it answered, we cannot read it: where, and what was there

Texts are shown to the trader and written to logs, so they never hold a token, a secret or a
client code: whoever raises one has already taken them out.
"""


class BrokerError(Exception):
    """Anything a broker or the way to it did."""


class NotSent(BrokerError):
    """The request provably never left this machine."""


class Refused(BrokerError):
    """The venue answered no; `code` and `text` are its own."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class LoginExpired(Refused):
    """The session is over or was never valid."""


class RateLimited(Refused):
    """Too many requests; for an order this still has to be verified once by tag."""

    def __init__(self, text: str, *, code: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(text, code=code)
        self.retry_after_s = retry_after_s


class OrderRefused(Refused):
    """The order was refused; some venues create it first and give its id."""

    def __init__(self, text: str, *, code: str = "", broker_id: str = "") -> None:
        super().__init__(text, code=code)
        self.broker_id = broker_id


class OutcomeUnknown(BrokerError):
    """The request left and nothing proves what became of it."""


class DecodeError(BrokerError):
    """Bytes that cannot be read: `where` is an offset or a path such as `orderBook[3].qty`."""

    def __init__(self, where: str, expected: str, found: object = "") -> None:
        shown = repr(found)[:80] if found != "" else ""
        super().__init__(f"{where}: expected {expected}" + (f", was {shown}" if shown else ""))
        self.where = where
