"""Logging in to a CRM account, and ending that."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from crmwire.cli.checking import as_data, show_checked
from crmwire.cli.failing import FAILED
from crmwire.cli.output import note, plural, print_json, say
from crmwire.cli.reading import read_key, read_secret, settings
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError, Failure, LoginFailed

if TYPE_CHECKING:
    from crmwire.app import App
    from crmwire.setting_up.logins import Connected

GRANTS = ("authorization_code", "client_credentials", "jwt_bearer")


@click.command()
@click.argument("crm")
@click.option("--name", help="What to call the connection (default: the CRM's name).")
@click.option("--team", help="The team it belongs to (default: default).")
@click.option("--client-id", metavar="ID", help="The app at the vendor that logs in.")
@click.option(
    "--client-secret-stdin", is_flag=True, help="Read the app's secret from standard input."
)
@click.option(
    "--private-key-stdin", is_flag=True, help="Read the key that signs from standard input."
)
@click.option("--scope", "scopes", multiple=True, help="Ask for this as well; may be repeated.")
@click.option(
    "--grant",
    type=click.Choice(GRANTS),
    help="How to log in: a person consents in a browser (as most do), the app as itself, or the "
    "app signs for a user.",
)
@click.option("--user", metavar="NAME", help="The user that the app signs for.")
@click.option("--host", metavar="URL", help="The account's own address, or a sandbox's.")
@click.option("--login-host", metavar="URL", help="The address of the vendor's login pages.")
@click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Another setting; may be repeated."
)
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Where the browser comes back to on this machine; the vendor must know that address.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the browser.",
)
@click.option(
    "--hosted",
    metavar="URL",
    help="Print a link to the daemon, which is reached at URL, for somebody else to log in by.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
@click.pass_context
def connect(
    ctx: click.Context,
    state: State,
    crm: str,
    name: str | None,
    team: str | None,
    client_id: str | None,
    client_secret_stdin: bool,
    private_key_stdin: bool,
    scopes: tuple[str, ...],
    grant: str | None,
    user: str | None,
    host: str | None,
    login_host: str | None,
    pairs: tuple[str, ...],
    no_browser: bool,
    port: int,
    timeout: float,
    hosted: str | None,
    as_json: bool,
) -> None:
    """Log in to a CRM account.

    With the name of a connection that is there, log in again: as any user of the same account,
    its routes and links stay, and what waited goes on. Ends with a check of the connection.
    """
    given = {
        "client_id": client_id,
        "scopes": list(scopes) or None,
        "grant": grant,
        "login_user": user,
        "host": host,
        "login_host": login_host,
    }
    chosen = {**settings(pairs, "--set"), **{key: one for key, one in given.items() if one}}
    if client_secret_stdin and private_key_stdin:
        raise ConfigurationError(
            "Standard input holds one of them: the app's secret, or a private key.",
            remedy="Leave out --client-secret-stdin or --private-key-stdin.",
        )
    with state.app() as app:
        name = name or crm
        with _undone_if_wrong(app, name):
            app.prepare_login(name, crm=crm, team=team, settings=chosen)
            secrets = _secrets(
                name, client_secret=client_secret_stdin, private_key=private_key_stdin
            )
            if hosted is not None:
                _print_link(app, name, hosted, chosen, secrets, as_json=as_json)
                return
            if app.needs_person(name, chosen):
                made = _by_browser(
                    app, name, chosen, secrets, port=port, timeout=timeout, opens=not no_browser
                )
            else:
                made = app.log_in_by_itself(name, settings=chosen, secrets=secrets)
        checked = app.check(name)
    if as_json:
        print_json({"again": made.again, "missing": made.missing, **as_data(checked)})
    else:
        _tell(made)
        show_checked(checked)
    if not checked.ok:
        ctx.exit(FAILED)


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_state
def disconnect(state: State, name: str, as_json: bool) -> None:
    """End a connection's login.

    Tokens are revoked at the vendor, where it offers that, and removed here with the app's
    secret. Routes and history stay, and deliveries wait until `crmwire connect`.
    """
    with state.app() as app:
        made = app.disconnect(name)
        crm = app.store.connection(name).crm
    if as_json:
        print_json(made)
        return
    say(f"The connection {name} is disconnected. Its records in the CRM stay as they are.")
    if not made.there:
        say("Nobody was logged in.")
    elif made.revoked:
        say("The CRM has ended the login as well.")
    elif made.revoked is None:
        say("The CRM was not told: remove the app, or the token, in the CRM's own settings.")
    else:
        say(f"The CRM did not end the login ({made.problem}) Remove the app in its settings.")
    if made.waiting:
        say(f"{plural(made.waiting, 'delivery')} wait: `crmwire connect {crm} --name {name}`.")


@contextlib.contextmanager
def _undone_if_wrong(app: App, name: str) -> Iterator[None]:
    """Make no new connection of wrong input; one whose login failed stays and waits for it."""
    known = any(row.name == name for row in app.store.connections())
    try:
        yield
    except (ConfigurationError, click.Abort):
        if not known and any(row.name == name for row in app.store.connections()):
            app.remove_connection(name)
        raise
    except (LoginFailed, Failure):
        if not known:
            again = f"`crmwire connection remove {name}` takes it away."
            note(f"The connection {name} is there now and waits for a login. {again}")
        raise


def _secrets(name: str, *, client_secret: bool, private_key: bool) -> dict[str, str]:
    if client_secret:
        secret = read_secret(f"secret of the app of {name}", ascii_only=True)
        return {"client_secret": secret}
    if private_key:
        return {"private_key": read_key(f"private key of {name}")}
    return {}


def _print_link(
    app: App,
    name: str,
    hosted: str,
    chosen: dict[str, Any],
    secrets: dict[str, str],
    *,
    as_json: bool,
) -> None:
    link, redirect_uri = app.invite(name, address=hosted, settings=chosen, secrets=secrets)
    if as_json:
        print_json({"name": name, "link": link, "redirect_uri": redirect_uri})
        return
    say("Whoever opens this within the hour, and presses the button, logs in, once:")
    say(f"  {link}")
    say(f"The app at the vendor must know the redirect address {redirect_uri}")


def _by_browser(
    app: App,
    name: str,
    chosen: dict[str, Any],
    secrets: dict[str, str],
    *,
    port: int,
    timeout: float,
    opens: bool,
) -> Connected:
    """Send a browser to the vendor and wait for it to come back."""
    import webbrowser

    from crmwire.logins.loopback import Loopback

    with Loopback(port) as waiting:
        started = app.begin_login(
            name, redirect_uri=waiting.redirect_uri, settings=chosen, secrets=secrets
        )
        note("Log in and consent at:")
        click.echo(f"  {started.address}", err=True)
        note(f"(The app must have the redirect address {waiting.redirect_uri})")
        if opens and sys.stdout.isatty():
            webbrowser.open(started.address)
        return waiting.wait(
            started.state,
            app.finish_login,
            timeout=timeout,
            done=lambda made: made.summary,
            hint=started.hint,
        )


def _tell(made: Connected) -> None:
    again = "is logged in again to" if made.again else "is logged in to"
    say(f"The connection {made.name} {again} {made.report.account_name}.")
    if made.missing:
        say(f"The CRM did not give what is needed: {', '.join(made.missing)}.")
    if made.declined:
        say(f"The CRM did not give, and it is optional: {', '.join(made.declined)}.")
