"""The pages that a person sees at the end of a login, here and at the daemon."""

from __future__ import annotations

from html import escape

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # A page of text and at most one form that is sent to where it came from.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "frame-ancestors 'none'",
}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 4rem auto; max-width: 32rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } button { font: inherit; padding: .4rem 1rem; }
"""


def page(title: str, *texts: str, form: str = "") -> str:
    """A page of a title and paragraphs. `form` is HTML of our own."""
    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in texts if text)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{paragraphs}{form}</body></html>"
    )


def invitation(title: str, text: str, ticket: str) -> str:
    """A page with a button: opening the link alone uses nothing up, as mail scanners do."""
    form = (
        f'<form method="post"><input type="hidden" name="ticket" value="{escape(ticket)}">'
        "<button>Log in</button></form>"
    )
    return page(title, text, form=form)
