"""Where FYERS lives, by the keys of the practice ports file."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

HOST: Final = "https://api-t1.fyers.in"
HOST_V2: Final = "https://api.fyers.in"
SOCKETS: Final = "wss://socket.fyers.in"
SOCKETS_V2: Final = "wss://api.fyers.in"

LIVE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "host": HOST,
        "login": f"{HOST}/api/v3/generate-authcode",
        "rest": f"{HOST}/api/v3",
        "data": f"{HOST}/data",
        "feed": f"{SOCKETS}/hsm/v1-5/prod",
        "orders": f"{SOCKETS}/trade/v3",
        # The address of the day is asked for at `tbtws`; this one is the documented fallback.
        "depth50": "wss://rtsocket-api.fyers.in/versova",
        "tbtws": f"{HOST}/indus/home/tbtws",
        "symbols": "https://public.fyers.in/sym_details",
        "rest_v2": f"{HOST_V2}/api/v2",
        "data_v2": f"{HOST_V2}/data-rest/v2",
        "feed_v2": f"{SOCKETS_V2}/socket/v2/dataSock",
        "orders_v2": f"{SOCKETS_V2}/socket/v2/orderSock",
    }
)

MASTERS: Final = ("NSE_CM", "NSE_FO", "NSE_CD", "NSE_COM", "BSE_CM", "BSE_FO", "MCX_COM")
"""The symbol masters; `.csv` has every row, `_sym_master.json` adds limits and multipliers."""
