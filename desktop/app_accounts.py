"""Opening, adding, switching and closing accounts; the practice exchange's life belongs here."""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from brokers import registry
from brokers.errors import BrokerError
from brokers.model.login import Credentials, Session
from brokers.port import CredentialField, Link, LinkEvent, LinkState, Plugin
from brokers.session import (
    Practice,
    log_in_to_practice,
    log_in_with_browser,
    practice_credentials,
    practice_endpoints,
    running,
    start,
)
from desktop import __version__, log
from desktop.shell.login_window import Choice, LoginRequest, LoginWindow
from desktop.trading.account_book import LIVE, PRACTICE, AccountBook
from desktop.trading.accounts import AccountKind, AccountState, Block
from desktop.trading.desk import Desk
from desktop.trading.journal_file import JournalError
from desktop.trading.opening import OpenAccount, Places
from desktop.trading.rows import Alarm

if TYPE_CHECKING:
    from desktop.app import App

_log = logging.getLogger(__name__)
_TITLE: Final = "Practice"
_GONE: Final = "The practice exchange has stopped"


class AccountsDesk:
    """The open accounts of the window; one of them is in front."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._open: dict[str, OpenAccount] = {}
        self._practice: Practice | None = None
        self._front = ""
        self._is_closing = False
        self._is_opening = False
        """The practice exchange is on its way up: there is nothing yet to start anew."""
        self.book = AccountBook(app.paths.config / "accounts.json")
        self.step = ""
        """What is being done to open an account, for the status bar."""

    @property
    def current(self) -> Desk | None:
        account = self._open.get(self._front)
        return account.desk if account is not None else None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._open)

    @property
    def practice(self) -> Practice | None:
        return self._practice

    def title(self, name: str) -> str:
        return self._open[name].account.title

    # Practice.

    async def open_practice(self) -> None:
        """Start the practice exchange, or use the one that runs, and log in to it."""
        plugin = registry.default_practice()
        self._is_opening = True
        try:
            self._say("Starting the practice exchange")
            self._practice = running() or await self._start_practice()
            self._say("Logging in")
            session = await log_in_to_practice(plugin, self._practice.ports, on_step=self._say)
            endpoints = practice_endpoints(plugin, self._practice.ports)
            state = AccountState(
                "practice",
                title=_TITLE,
                kind=AccountKind.PRACTICE,
                broker=plugin.name,
                book=self._book(),
            )
            await self._open_account(plugin, state, session, endpoints)
        except (BrokerError, JournalError, OSError) as error:
            _log.warning("practice: %s", error)
            self._app.toasts.show(
                "warn", "Practice did not start", str(error), action=("Try again", self.restart)
            )
        finally:
            self._is_opening = False
            self._say("")
        self._app.tasks.start(self._watch_practice(self._practice), owner="practice")

    async def _start_practice(self) -> Practice:
        paths, settings = self._app.paths, self._app.settings
        speed = settings.number("practice.ticks_per_second")
        arguments = ["--ticks-per-second", str(speed)]
        return await start(paths.ports_file, arguments, log=paths.logs / "practice.log")

    async def _watch_practice(self, practice: Practice | None) -> None:
        """Say at once that the exchange has gone, and offer to start it again."""
        if practice is None:
            return
        status = await practice.ended()
        if self._is_closing or practice is not self._practice:
            return
        _log.warning("the practice exchange ended with status %s", status)
        for account in self._open.values():
            if not account.account.is_live:
                account.account.block(Block.GONE, _GONE)
        self._app.toasts.show(
            "warn", _GONE, "Nothing more can be traded on it.", action=("Restart", self.restart)
        )
        self._app.status.show()

    def restart(self) -> None:
        """Start the practice exchange anew; its accounts start from the beginning with it."""
        if self._is_opening or self._is_closing:
            return
        self._is_opening = True
        self._app.tasks.start(self._restart(), owner="accounts")

    async def _restart(self) -> None:
        try:
            for name in [name for name, each in self._open.items() if not each.account.is_live]:
                await self._close_account(name)
            if self._practice is not None:
                old, self._practice = self._practice, None
                await old.stop()
        finally:
            self._is_opening = False
        await self.open_practice()

    # Every account.

    async def _open_account(
        self,
        plugin: Plugin,
        state: AccountState,
        session: Session,
        endpoints: Mapping[str, str] | None,
    ) -> None:
        log.SECRETS.add(session.token, session.account, *session.values.values())
        paths = self._app.paths
        places = Places(
            journal=paths.journal_folder / f"{state.name}.sqlite",
            instruments=paths.cache / f"instruments-{plugin.name}" if state.is_live else None,
            candles=paths.data / f"candles-{plugin.name}.sqlite" if state.is_live else None,
        )
        account = OpenAccount(
            plugin,
            state,
            places=places,
            settings=self._app.settings,
            spawn=self._app.tasks.start,
            app_version=__version__,
        )
        account.on_notice = functools.partial(self._app.toasts.warn, plugin.title)
        account.on_links = functools.partial(self._on_link, state)
        try:
            await account.open(session, self._say, endpoints=endpoints)
        except BaseException:
            await account.close()
            raise
        self._open[state.name] = account
        for alarm in account.orders.alarms:
            self._on_alarm(alarm)
        account.orders.on_alarm(self._on_alarm)
        self._app.status.follow(account)
        self.bring_to_front(state.name)

    def bring_to_front(self, name: str) -> None:
        """Show another open account in every dock."""
        self._front = name
        self._app.show_desk(self.current)

    async def _close_account(self, name: str) -> None:
        account = self._open.pop(name, None)
        if account is None:
            return
        if self._front == name:
            self._front = next(iter(self._open), "")
            self._app.show_desk(self.current)
        with contextlib.suppress(BrokerError):
            await account.close()
        for owner in ("reconcile", "follow", "phases", "candles", "orders"):
            self._app.tasks.cancel(f"{name}.{owner}")

    async def close(self) -> None:
        """Close every account, then the practice exchange if it is ours."""
        self._is_closing = True
        for name in tuple(self._open):
            await self._close_account(name)
        if self._practice is not None:
            await self._practice.stop()

    def resumed(self) -> None:
        """The computer slept, or the program was held: compare before anything is traded."""
        for account in self._open.values():
            account.reconciler.ask("the computer was asleep")

    def _book(self) -> str:
        """Name this run of the practice exchange: the next one begins with the same numbers."""
        assert self._practice is not None
        ports = self._practice.ports
        return f"{ports.get('pid')}-{str(ports.get('control')).rpartition(':')[2]}"

    def _on_alarm(self, alarm: Alarm) -> None:
        self._app.toasts.warn("Order alarm", alarm.text)

    def _on_link(self, state: AccountState, event: LinkEvent) -> None:
        if event.state is LinkState.STOPPED and event.reason and not self._is_closing:
            what = "Market data" if event.link is Link.FEED else "Order stream"
            self._app.toasts.warn(f"{what}: {state.title}", event.reason)
        self._app.status.show()

    # Adding one.

    def add(self) -> None:
        """Show the form for a new account."""
        window = LoginWindow(self._choices(), self._app.window)
        window.submitted.connect(functools.partial(self._submit, window))
        window.cancelled.connect(lambda: self._app.tasks.cancel("login"))
        window.open()

    def _choices(self) -> list[Choice]:
        choices = []
        for plugin in registry.plugins().values():
            live = Choice(broker=plugin.name, title=plugin.title, kind=LIVE, fields=plugin.fields)
            choices.append(live)
            fields = self._practice_fields(plugin)
            if fields:
                title = f"{plugin.title} practice"
                choices.append(
                    Choice(broker=plugin.name, title=title, kind=PRACTICE, fields=fields)
                )
        return choices

    def _practice_fields(self, plugin: Plugin) -> tuple[CredentialField, ...]:
        """Give the form of a further practice account, filled in; empty where there is none."""
        if self._practice is None:
            return ()
        try:
            values = practice_credentials(plugin, self._practice.ports).values
        except BrokerError:
            return ()
        return tuple(
            msgspec.structs.replace(field, default=values.get(field.id) or field.default)
            for field in plugin.fields
        )

    def _submit(self, window: LoginWindow, request: LoginRequest) -> None:
        self._app.tasks.start(self._log_in(window, request), owner="login")

    async def _log_in(self, window: LoginWindow, request: LoginRequest) -> None:
        plugin = registry.plugin(request.choice.broker)
        is_live = request.choice.kind == LIVE
        secrets = {each.id for each in plugin.fields if each.is_secret}
        log.SECRETS.add(*(value for key, value in request.values.items() if key in secrets))
        try:
            endpoints = self._endpoints(plugin, is_live=is_live)
            credentials = Credentials(values=request.values, endpoints=endpoints)
            session = await log_in_with_browser(plugin, credentials, _WindowPrompt(window))
            await self._keep(plugin, request, session, endpoints)
        except (BrokerError, JournalError, OSError) as error:
            window.show_failure(str(error))
            return
        window.finish()
        if self._app.vault.problem is not None and is_live:
            self._app.toasts.warn("Keyring", self._app.vault.problem)

    async def _keep(
        self,
        plugin: Plugin,
        request: LoginRequest,
        session: Session,
        endpoints: Mapping[str, str],
    ) -> None:
        """Open an account that was logged in to, and remember it; one that fails is forgotten."""
        is_live = request.choice.kind == LIVE
        secrets = {each.id for each in plugin.fields if each.is_secret}
        entry = self.book.add(
            broker=plugin.name,
            title=f"{request.choice.title} {len(self._open) + 1}",
            kind=request.choice.kind,
            values={key: v for key, v in request.values.items() if key not in secrets},
        )
        kind = AccountKind.LIVE if is_live else AccountKind.PRACTICE
        book = "" if is_live else self._book()
        state = AccountState(entry.id, title=entry.title, kind=kind, broker=plugin.name, book=book)
        try:
            await self._open_account(plugin, state, session, endpoints)
        except BaseException:
            self.book.remove(entry.id)
            raise
        if is_live:
            for key in secrets:
                await self._app.vault.write(entry.vault_name(key), request.values[key])

    def _endpoints(self, plugin: Plugin, *, is_live: bool) -> Mapping[str, str]:
        if is_live or self._practice is None:
            return plugin.endpoints
        return practice_endpoints(plugin, self._practice.ports)

    def _say(self, text: str) -> None:
        self.step = text
        self._app.status.show()


class _WindowPrompt:
    """A login's prompt in the login window."""

    def __init__(self, window: LoginWindow) -> None:
        self._window = window

    def open(self, url: str) -> bool:
        return self._window.open_in_browser(url)

    def say(self, text: str) -> None:
        self._window.show_step(text)

    async def pasted(self) -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def take(text: str) -> None:
            if not future.done():
                future.set_result(text)

        self._window.pasted.connect(take)
        try:
            return await future
        finally:
            self._window.pasted.disconnect(take)
