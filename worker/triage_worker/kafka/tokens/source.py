"""Fetches tokens in a thread of its own, ahead of time, and hands the present one to the clients of any event loop."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from triage_worker.kafka.tokens.refresh import TokenRefresh
from triage_worker.kafka.tokens.token import Token, TokenError

log = logging.getLogger(__name__)

Fetch = Callable[[], Token]
"""Gets a new token. It may block and raises `TokenError`; it is called in one thread only."""

WAIT_S = 10.0
"""How long a client waits for a token: less than a request's time-out, since its other connections wait as well."""

LONGEST_SLEEP_S = 3_600.0


class TokenSource:
    """One token for all clients of a process, which may run on several event loops (Faust's consumer has its own).

    The thread is a daemon: libraries of clouds can block for long, and must not delay the end of the process. It starts
    with the first token that is asked for.

    Args:
        fetch: gets a new token.
        clock: the time, in seconds. By the wall clock, a machine that slept knows that its token has ended.
        refresh: when to fetch.
    """

    def __init__(
        self, fetch: Fetch, *, clock: Callable[[], float] = time.time, refresh: TokenRefresh | None = None
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._refresh = refresh or TokenRefresh()
        self._changed = threading.Condition()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[str]]] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    async def token(self, wait_s: float = WAIT_S) -> str:
        """Return the present token; waits for one only if there is none.

        Args:
            wait_s: the longest wait.

        Raises:
            TokenError: there was none in time, or the attempt failed.
        """
        loop = asyncio.get_running_loop()
        with self._changed:
            self._start()
            now = self._clock()
            present = self._refresh.usable(now)
            if present is None or self._refresh.due_at <= now:
                self._changed.notify_all()
            if present is not None:
                return present
            future: asyncio.Future[str] = loop.create_future()
            self._waiting.append((loop, future))
        try:
            async with asyncio.timeout(wait_s):
                return await future
        except TimeoutError:
            raise self._refresh.error or TokenError(
                f"There is no token after {wait_s:.0f} s: see whether TRIAGE_OAUTH_PROVIDER can reach what it asks."
            ) from None

    def refused(self) -> None:
        """Fetch another token, since a broker did not accept the present one."""
        with self._changed:
            self._refresh.refused(self._clock())
            self._changed.notify_all()

    @property
    def problem(self) -> str | None:
        """Why there is no valid token at present; None if there is one, or if nobody has asked for one."""
        with self._changed:
            error = self._refresh.error
            return None if error is None or self._refresh.valid(self._clock()) is not None else str(error)

    def close(self) -> None:
        """End the thread, once a pending attempt has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="login-token", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._wait_until_due():
            outcome = self._attempt()
            with self._changed:
                self._take(outcome)
                waiting, self._waiting = self._waiting, []
                present = self._refresh.usable(self._clock())
            for loop, future in waiting:
                with suppress(RuntimeError):  # its loop is closed
                    loop.call_soon_threadsafe(_resolve, future, outcome if present is None else present)

    def _wait_until_due(self) -> bool:
        """Wait for the time of the next attempt; False once the source is closed."""
        with self._changed:
            while not self._closed:
                wait_s = self._refresh.due_at - self._clock()
                if wait_s <= 0:
                    return True
                self._changed.wait(min(wait_s, LONGEST_SLEEP_S))
        return False

    def _attempt(self) -> Token | TokenError:
        try:
            return self._fetch()
        except TokenError as error:
            return error
        except Exception as error:  # of a library, or of a function of the user's own
            log.debug("No token", exc_info=error)
            return TokenError(f"No token could be obtained ({type(error).__name__}: {_one_line(error)}).")

    def _take(self, outcome: Token | TokenError) -> None:
        now = self._clock()
        if isinstance(outcome, Token):
            if self._refresh.error is not None:
                log.info("There is a new login token again", extra={"lifetime_s": round(outcome.lifetime_s)})
            self._refresh.fetched(outcome, now)
            return
        self._refresh.failed(outcome, now)
        left_s, next_s = self._refresh.valid_for_s(now), self._refresh.due_at - now
        # Before the first token, the clients that wait report the reason, or the start of the process does.
        log.log(
            logging.WARNING if self._refresh.has_had_one else logging.DEBUG,
            "No new login token; the present one lasts %.0f s, next attempt in %.0f s: %s",
            left_s,
            next_s,
            outcome,
        )


def _resolve(future: "asyncio.Future[str]", outcome: str | Token | TokenError) -> None:
    """Give a waiting client its token, or the reason why there is none."""
    if future.done():
        return
    if isinstance(outcome, TokenError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome.value if isinstance(outcome, Token) else outcome)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}…"
