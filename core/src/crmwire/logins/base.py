"""What a connection's requests are authorised with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Login(Protocol):
    """Tokens of one connection, at the moment they are needed."""

    def token(self) -> str | None:
        """The token that requests carry now, None if there is none.

        Raises: NeedsLogin, RetryLater if it had to be refreshed and could not be.
        """

    def renewed(self, refused: str) -> bool:
        """Whether there is another token than the one that was refused, by now or by a refresh.

        Raises: NeedsLogin, RetryLater.
        """

    def base_url(self) -> str | None:
        """Where the token's answer said that the API is, if it did."""

    def number(self) -> int:
        """How often somebody has logged in or given a token: it tells an old refusal from a new."""

    def scopes(self) -> tuple[str, ...] | None:
        """What the vendor said it granted; None where it says nothing, as of a static token."""

    def try_again(self) -> None:
        """Forget that the login was refused, so that it is tried once more."""

    def refresh(self) -> None:
        """Get another token now, if it can be had without a person.

        Raises: NeedsLogin, RetryLater.
        """


class StaticLogin:
    """A token that somebody gave and that stays until it is replaced."""

    def __init__(self, token: Callable[[], str | None]) -> None:
        self._token = token

    def token(self) -> str | None:
        return self._token()

    def renewed(self, refused: str) -> bool:
        return self._token() not in (None, "", refused)

    def base_url(self) -> str | None:
        return None

    def number(self) -> int:
        return 0

    def scopes(self) -> tuple[str, ...] | None:
        return None

    def try_again(self) -> None:
        return None

    def refresh(self) -> None:
        return None
