"""FYERS, API v3. Importing this gives the plugin and little else: the registry reads it early."""

import importlib
from types import MappingProxyType
from typing import Final

from brokers.fyers import urls
from brokers.model.instrument import Segment
from brokers.model.login import Credentials, LoginFlow
from brokers.model.market import Interval
from brokers.model.order import Kind, Product, Validity
from brokers.port import (
    Account,
    Broker,
    Capabilities,
    CredentialField,
    MasterFile,
    MasterPart,
    Plugin,
)

__all__ = ["PLUGIN"]

_DERIVATIVES: Final = (Product.INTRADAY, Product.MARGIN)
_TOPICS_PER_INSTRUMENT: Final = 2
"""Quote and depth count separately."""

_CAPABILITIES: Final = Capabilities(
    depth_levels=5,
    kinds=frozenset(Kind),
    products=MappingProxyType(
        {
            Segment.CM.value: (Product.INTRADAY, Product.CNC),
            Segment.FO.value: _DERIVATIVES,
            Segment.CD.value: _DERIVATIVES,
            Segment.COM.value: _DERIVATIVES,
        }
    ),
    validities=frozenset(Validity),
    intervals=tuple(Interval),
    max_followed=5000 // _TOPICS_PER_INSTRUMENT,
    streams_orders=True,
    carries_tag=True,
    orders_per_second=8,
    has_after_market=True,
    has_disclosed_qty=True,
)

# What follows is looked up when it is first used: the codecs and the network stack behind it
# take many times as long to import as the first window may wait.


def _login(credentials: Credentials, state: str) -> LoginFlow:
    flow: LoginFlow = importlib.import_module("brokers.fyers.login").login(credentials, state)
    return flow


async def _open(account: Account) -> Broker:
    broker: Broker = importlib.import_module("brokers.fyers.broker").FyersBroker(account)
    return broker


def _read_master(file: MasterFile) -> MasterPart:
    part: MasterPart = importlib.import_module("brokers.fyers.master_files").read(file)
    return part


PLUGIN: Final = Plugin(
    name="fyers",
    title="FYERS",
    fields=(
        CredentialField(
            id="app_id",
            label="App ID",
            help="From your app at myapi.fyers.in; it ends in -100 or -200.",
        ),
        CredentialField(id="secret", label="Secret ID", is_secret=True),
        CredentialField(
            id="redirect_uri",
            label="Redirect URL",
            help="Create an app at myapi.fyers.in and give it exactly this redirect URL.",
            default="http://127.0.0.1:8765/callback",
        ),
    ),
    endpoints=urls.LIVE,
    capabilities=_CAPABILITIES,
    login=_login,
    open=_open,
    read_master=_read_master,
    is_practice_default=True,
)
