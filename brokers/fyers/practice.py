"""FYERS' side of the practice exchange: the same wire, the same words, no real money."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from brokers.fyers import practice_spoils as spoils
from brokers.fyers.practice_account import AccountDesk
from brokers.fyers.practice_answers import (
    DEAD_TOKEN,
    DEAD_TOKEN_DATA,
    DEAD_TOKEN_LOGOUT,
    FORBIDDEN,
    NO_PERMISSION,
    RISK_REFUSED,
    UNAUTHORIZED,
    Refusal,
    ok,
)
from brokers.fyers.practice_data import DataDesk
from brokers.fyers.practice_limits import Limits, too_many
from brokers.fyers.practice_login import LoginPage, Sessions, practice_app
from brokers.fyers.practice_masters import MasterFiles
from brokers.fyers.practice_order_sockets import OrderSockets
from brokers.fyers.practice_orders import OrderDesk
from brokers.fyers.practice_rows import ExchangeRows
from brokers.fyers.practice_sockets import QUIRKS as FEED_QUIRKS
from brokers.fyers.practice_sockets import FeedSockets
from brokers.model.instrument import InstrumentId
from brokers.net.server import ServerReply, ServerRequest, ServerSocket
from brokers.practice.calendar import ist_day
from brokers.practice.clock import SimClock
from brokers.practice.exchange import Exchange
from brokers.practice.face import FaceOptions
from brokers.practice.faults import Faults, FaultValue

__all__ = ["FACE", "FyersFace"]

NAME: Final = "fyers"
ACCOUNT: Final = "XP00001"
REST: Final = "/api/v3"
DATA: Final = "/data"
SYMBOLS: Final = "/sym_details"
FEED_PATH: Final = "/hsm/v1-5/prod"
ORDERS_PATH: Final = "/trade/v3"
DEPTH50_PATH: Final = "/versova"
TBTWS_PATH: Final = "/indus/home/tbtws"
PATHS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "login": ("http", f"{REST}/generate-authcode"),
        "rest": ("http", REST),
        "data": ("http", DATA),
        "feed": ("ws", FEED_PATH),
        "orders": ("ws", ORDERS_PATH),
        "depth50": ("ws", DEPTH50_PATH),
        "tbtws": ("http", TBTWS_PATH),
        "symbols": ("http", SYMBOLS),
        "rest_v2": ("http", "/api/v2"),
        "data_v2": ("http", "/data-rest/v2"),
        "feed_v2": ("ws", "/socket/v2/dataSock"),
        "orders_v2": ("ws", "/socket/v2/orderSock"),
    }
)

_GRANTS: Final[Mapping[str, frozenset[str]]] = {
    "basic": frozenset({"basic", "data"}),
    "info": frozenset({"basic", "data", "info"}),
    "orders": frozenset({"basic", "data", "info", "orders"}),
}
"""Permission template → what it holds; market data is a grant of its own that is always there."""

_CANCEL_BY_PATH: Final = re.compile(rf"{REST}/orders/[^/]+/sync")
_SOCKETS: Final = {FEED_PATH: "feed", DEPTH50_PATH: "feed", ORDERS_PATH: "orderfeed"}
_LIMITED_S: Final = 1.0
_NOT_FOUND: Final = Refusal(404, "Not found", status=404)

Handler = Callable[[ServerRequest], ServerReply]


class Route(NamedTuple):
    """One call: its place for faults, who may make it, and what a dead token is told."""

    where: str
    handle: Handler
    grant: str = ""
    dead: tuple[int, str] = DEAD_TOKEN


class FyersFace:
    """One account of the practice exchange, behind FYERS' REST and sockets."""

    def __init__(
        self, exchange: Exchange, clock: SimClock, faults: Faults, options: FaceOptions
    ) -> None:
        exchange.open_account(ACCOUNT)
        rows = ExchangeRows(exchange, ACCOUNT)
        app = practice_app(options.seed, ACCOUNT, options.redirect_uri)
        self._faults = faults
        self._sessions = Sessions(app)
        self._grants = _GRANTS[options.permissions]
        self._limits = Limits(lambda: ist_day(clock.now_ns())) if options.has_limits else None
        self._masters = MasterFiles(exchange, options.masters)
        self._feed = FeedSockets(
            exchange.market,
            exchange.universe,
            faults,
            self._sessions.account_of_hsm_key,
            has_limits=options.has_limits,
        )
        self._order_feed = OrderSockets(rows, faults, self._sessions.account_of)
        exchange.listen(self._order_feed.hear)
        orders = OrderDesk(exchange, ACCOUNT, rows, options.seed)
        account = AccountDesk(exchange, ACCOUNT, rows)
        self._cancel_by_path = Route("cancel", orders.cancel_named, "orders")
        self._routes = {
            **_login_routes(LoginPage(self._sessions), self._log_out),
            **_order_routes(orders),
            **_account_routes(account),
            **_data_routes(DataDesk(exchange)),
        }

    @property
    def name(self) -> str:
        return NAME

    @property
    def account(self) -> str:
        return ACCOUNT

    @property
    def quirks(self) -> Collection[str]:
        return (*spoils.QUIRKS, *FEED_QUIRKS)

    @property
    def paths(self) -> Mapping[str, tuple[str, str]]:
        return PATHS

    def credentials(self) -> Mapping[str, object]:
        app = self._sessions.app
        return {
            "app_id": app.app_id,
            "secret": app.secret,
            "user": app.user,
            "pin": app.pin,
            "redirect_uri": app.redirect_uri,
        }

    def account_of(self, authorization: str) -> str | None:
        """Name the account of an `app_id:token` header; None for a wrong or dead one."""
        return self._sessions.account_of(authorization)

    def account_of_hsm_key(self, key: str) -> str | None:
        """Name the account whose data socket a key opens."""
        return self._sessions.account_of_hsm_key(key)

    # Faults.

    def where(self, request: ServerRequest) -> str:
        """Name the place of a request; calls that faults do not name have names of their own."""
        if request.path in _SOCKETS:
            return _SOCKETS[request.path]
        if request.path.startswith(f"{SYMBOLS}/"):
            return "masters"
        route = self._route(request)
        return "unknown" if route is None else route.where

    def fault_reply(self, what: str, where: str, value: FaultValue) -> ServerReply | None:
        """Answer instead of the work."""
        if where in ("feed", "orderfeed"):
            return ServerReply(status=403) if what == "token_expired" else None
        match what:
            case "rate_limited":
                wait_s = _LIMITED_S if value is None else float(value)
                return too_many(round(wait_s * 1000))
            case "token_expired":
                dead = DEAD_TOKEN_DATA if where in ("quotes", "depth") else DEAD_TOKEN
                return Refusal(*dead, status=UNAUTHORIZED).reply()
            case "reject":
                text = f"RED:Rejected for C-{ACCOUNT} [FYERS_RISK_CUG]"
                return Refusal(RISK_REFUSED, text if value is None else str(value)).reply()
            case _:
                return None

    def spoil_reply(
        self, what: str, _where: str, _value: FaultValue, reply: ServerReply
    ) -> ServerReply:
        """Change a finished reply."""
        return spoils.code_201(reply) if what == "code_201" else spoils.wrong_type(reply)

    # The site.

    async def respond(self, request: ServerRequest) -> ServerReply:
        if request.path.startswith(f"{SYMBOLS}/"):
            return await self._masters.respond(request.path.rpartition("/")[2])
        route = self._route(request)
        if route is None:
            return _NOT_FOUND.reply()
        try:
            refusal = self._admit(route, request)
            reply = route.handle(request) if refusal is None else refusal
        except Refusal as no:
            reply = no.reply()
        return self._spoiled(route.where, reply)

    async def admit(self, request: ServerRequest) -> ServerReply | None:
        """Open the two sockets that exist; the data socket asks for its key inside."""
        if request.path == FEED_PATH:
            return None
        if request.path == ORDERS_PATH:
            return self._order_feed.admit(request)
        return ServerReply(status=404)

    async def converse(self, socket: ServerSocket) -> None:
        serve: Mapping[str, Callable[[ServerSocket], Awaitable[None]]] = {
            FEED_PATH: self._feed.converse,
            ORDERS_PATH: self._order_feed.converse,
        }
        await serve[socket.request.path](socket)

    def followed(self) -> Collection[InstrumentId]:
        return self._feed.followed()

    def market_moved(self, changed: Sequence[InstrumentId]) -> None:
        self._feed.market_moved(changed)

    # Inside.

    def _route(self, request: ServerRequest) -> Route | None:
        path = request.path.rstrip("/")
        if request.method == "DELETE" and _CANCEL_BY_PATH.fullmatch(path):
            return self._cancel_by_path
        return self._routes.get((request.method, path))

    def _admit(self, route: Route, request: ServerRequest) -> ServerReply | None:
        """Let a call pass that has a living token, the permission and is not too fast."""
        if not route.grant:
            return None
        authorization = request.headers.get("authorization", "")
        account = self._sessions.account_of(authorization)
        if account is None and route.where == "symbol_token":
            # The one call that official clients make with the bare token.
            account = self._sessions.account_of_token(authorization.strip())
        if account is None:
            raise Refusal(*route.dead, status=UNAUTHORIZED)
        refusal = self._limits.admit() if self._limits is not None else None
        if refusal is None and route.grant not in self._grants:
            raise Refusal(*NO_PERMISSION, status=FORBIDDEN)
        return refusal

    def _log_out(self, request: ServerRequest) -> ServerReply:
        token = request.headers.get("authorization", "").strip().partition(":")[2]
        self._sessions.revoke(token)
        return ok(text="you are successfully logged out")

    def _spoiled(self, where: str, reply: ServerReply) -> ServerReply:
        if self._faults.take(NAME, where, "poison") is not None:
            reply = spoils.poison(reply)
        for name in spoils.QUIRKS:
            if self._faults.take(NAME, where, name) is not None:
                reply = spoils.quirk(name, reply)
        return reply


Routes = dict[tuple[str, str], Route]


def _login_routes(page: LoginPage, log_out: Handler) -> Routes:
    return {
        ("GET", f"{REST}/generate-authcode"): Route("login", page.page),
        ("POST", f"{REST}/generate-authcode"): Route("login", page.page),
        ("POST", f"{REST}/validate-authcode"): Route("token", page.token),
        ("POST", f"{REST}/validate-refresh-token"): Route("token", page.refresh),
        ("POST", f"{REST}/logout"): Route("logout", log_out, "basic", DEAD_TOKEN_LOGOUT),
    }


def _order_routes(orders: OrderDesk) -> Routes:
    def write(where: str, handle: Handler) -> Route:
        return Route(where, handle, "orders")

    return {
        ("POST", f"{REST}/orders/sync"): write("place", orders.place),
        ("PATCH", f"{REST}/orders/sync"): write("modify", orders.modify),
        ("DELETE", f"{REST}/orders/sync"): write("cancel", orders.cancel),
        ("POST", f"{REST}/orders/async"): write("place", orders.place_queued),
        ("PATCH", f"{REST}/orders/async"): write("modify", orders.modify),
        ("DELETE", f"{REST}/orders/async"): write("cancel", orders.cancel),
        ("POST", f"{REST}/multi-order/sync"): write("place", orders.place_many),
        ("PATCH", f"{REST}/multi-order/sync"): write("modify", orders.modify_many),
        ("DELETE", f"{REST}/multi-order/sync"): write("cancel", orders.cancel_many),
        ("GET", f"{REST}/orders"): Route("orderbook", orders.book, "info"),
        ("GET", f"{REST}/tradebook"): Route("tradebook", orders.trades, "info"),
    }


def _account_routes(account: AccountDesk) -> Routes:
    return {
        ("GET", f"{REST}/profile"): Route("profile", account.profile, "basic"),
        ("GET", f"{REST}/funds"): Route("funds", account.funds, "info"),
        ("GET", f"{REST}/holdings"): Route("holdings", account.holdings, "info"),
        ("GET", f"{REST}/positions"): Route("positions", account.positions, "info"),
        ("DELETE", f"{REST}/positions"): Route("exit", account.exit, "orders"),
        ("POST", f"{REST}/positions"): Route("convert", account.convert, "orders"),
    }


def _data_routes(data: DataDesk) -> Routes:
    def read(where: str, handle: Handler) -> Route:
        return Route(where, handle, "data", DEAD_TOKEN_DATA)

    status = Route("market_status", data.market_status, "info", DEAD_TOKEN_DATA)
    return {
        ("GET", f"{DATA}/marketStatus"): status,
        ("GET", f"{DATA}/quotes"): read("quotes", data.quotes),
        ("POST", f"{DATA}/quotes"): read("quotes", data.quotes),
        ("GET", f"{DATA}/depth"): read("depth", data.depth),
        ("GET", f"{DATA}/history"): Route("history", data.history, "data", DEAD_TOKEN),
        ("POST", f"{DATA}/symbol-token"): read("symbol_token", data.symbol_tokens),
        ("GET", TBTWS_PATH): Route("feed_address", data.feed_address(DEPTH50_PATH), "data"),
    }


class FyersFaceMaker:
    """How the host gets this face."""

    def make(
        self, exchange: Exchange, clock: SimClock, faults: Faults, options: FaceOptions
    ) -> FyersFace:
        """Build the face and open its account."""
        return FyersFace(exchange, clock, faults, options)


FACE: Final = FyersFaceMaker()
