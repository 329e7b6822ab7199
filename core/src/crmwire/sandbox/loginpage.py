"""A vendor's login page: what an app asks for, which account, allow or deny.

A plain form that is sent with POST to where it was got from, so that a program can press it too:
`press` does that for demonstrations and tests.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 4rem auto; max-width: 28rem; padding: 0 1rem; }
form { border: 1px solid #8884; border-radius: .5rem; padding: 1.2rem; }
button { font: inherit; padding: .4rem 1rem; margin-right: .5rem; }
li { font-family: ui-monospace, monospace; font-size: .85rem; }
"""


def consent_page(
    title: str,
    *,
    app: str,
    scopes: Iterable[str] = (),
    accounts: Mapping[str, str],
    keep: Mapping[str, str],
) -> str:
    """The HTML of a consent form.

    `accounts` are `{value: name}`, of which a person chooses one; `keep` are the values that come
    back with the form beside `account` and `decision` (`allow` or `deny`).
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in keep.items()
    )
    options = "".join(
        f'<option value="{escape(value)}">{escape(name)}</option>'
        for value, name in accounts.items()
    )
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    body = (
        f"<h1>{escape(title)}</h1><form method='post'>{hidden}"
        f"<p>The app <b>{escape(app)}</b> asks to act for you in</p>"
        f'<p><select name="account">{options}</select></p><ul>{wanted}</ul>'
        '<p><button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Deny</button></p></form>'
    )
    return _page(title, body)


def problem_page(title: str, problem: str) -> str:
    """The HTML of what a vendor shows instead of coming back."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(problem)}</p>")


def _page(title: str, body: str) -> str:
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def redirected(redirect: str, **parameters: str | None) -> str:
    """The redirect address with these parameters, which is where the browser is sent."""
    given = {name: value for name, value in parameters.items() if value is not None}
    parts = urlsplit(redirect)
    query = "&".join(part for part in (parts.query, urlencode(given)) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


# ---------------------------------------------------------------- a browser, without one


class NoForm(Exception):
    """The page has no form to press: it shows a problem. `text` is the page's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class _Form(HTMLParser):
    """The first form of a page: where it goes, what it holds, its buttons; and all the text."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._select = ""
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        match tag:
            case "form":
                self.found = True
                self.action = given.get("action", "")
            case "style" | "script":
                self._skip += 1
            case "input" if given.get("type") == "submit":
                self.buttons.append((name, value))
            case "input" if name:
                self.fields.setdefault(name, value)
            case "button":
                self.buttons.append((name, value))
            case "select":
                self._select = name
            case "option" if self._select and ("selected" in given or
                                               self._select not in self.fields):  # fmt: skip
                self.fields[self._select] = value

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._skip -= 1
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if not self._skip and data.strip():
            self.text.append(data.strip())


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, so that its address can be read."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def press(address: str, *, decision: str = "allow", **chosen: str) -> str:
    """Open a login page, press `decision`, and return the address the browser is sent to.

    `chosen` are other fields of the form, such as `account`. Raises: NoForm if the page shows a
    problem, also after it was pressed.
    """
    page, sent_back = _opened(address)
    if sent_back is not None:
        return sent_back  # a refusal that needs nobody
    if not page.found:
        raise NoForm(200, " ".join(page.text))
    name, value = next(
        (button for button in page.buttons if button[1] == decision), ("decision", decision)
    )
    fields = {**page.fields, **chosen, name: value}
    answer, location = _opened(urljoin(address, page.action) if page.action else address, fields)
    if location is None:
        raise NoForm(200, " ".join(answer.text))
    return location


def _opened(address: str, form: Mapping[str, str] | None = None) -> tuple[_Form, str | None]:
    opener = urllib.request.build_opener(_Stay)
    data = None if form is None else urlencode(form).encode()
    page, location = _Form(), None
    try:
        with opener.open(address, data, timeout=20) as answer:
            page.feed(answer.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as answer:
        location = answer.headers.get("location")
        page.feed(answer.read().decode("utf-8", "replace"))
        answer.close()
        if location is None:
            raise NoForm(answer.code, " ".join(page.text)) from None
    return page, location and urllib.parse.urljoin(address, location)
