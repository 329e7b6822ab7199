"""Commands that stay: the daemon, and a vendor's sandbox."""

from __future__ import annotations

import threading

import click

from crmwire.cli.output import say
from crmwire.cli.reading import bindable, texts
from crmwire.cli.state import State, pass_state
from crmwire.errors import ConfigurationError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@pass_state
def serve(state: State, host: str, port: int) -> None:
    """Run the daemon, until it is stopped.

    It takes in webhooks and carries them into the CRMs.
    """
    from crmwire.runner import run

    with state.app(threaded=True, talkative=True) as app:
        port = bindable(host, port)
        shown = f"[{host}]" if ":" in host else host

        def ready(bound: int) -> None:
            say(f"crmwire listens on http://{shown}:{bound} with the data in {app.home}.")
            # The paths open the door to bookings, so they are kept out of what services log.
            say("Webhooks go to /in/… below it: `crmwire feed list` tells each feed's path.")

        run(app, host=host, port=port, ready=ready)


@click.command()
@click.argument("crm")
@click.option("--port", default=8101, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--token",
    "tokens",
    multiple=True,
    default=["sandbox"],
    show_default=True,
    help="A token that opens an account of its own; may be given several times.",
)
@click.option(
    "--latency",
    default=0.0,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long every answer takes.",
)
@click.option("--seed", default=0, help="What the drawing of faults begins with.")
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="A switch of that vendor."
)
@pass_state
def sandbox(
    state: State,
    crm: str,
    port: int,
    tokens: tuple[str, ...],
    latency: float,
    seed: int,
    options: tuple[str, ...],
) -> None:
    """Serve a stand-in of a vendor's API.

    Its records are in memory and end with it; a page shows them to a person.
    """
    from crmwire.discovery import Discovery
    from crmwire.hooks import manager
    from crmwire.hookspecs import CrmSpecs
    from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET, SandboxServer, SandboxSettings

    module = Discovery(state.folder / "plugins").find("crm", crm).load()
    chosen = texts(options, "--option")
    settings = SandboxSettings(tokens=tokens, latency=latency, seed=seed, options=chosen)
    app = manager(CrmSpecs, [(crm, module)]).hook.sandbox(settings=settings)
    if app is None:
        raise ConfigurationError(f"The plugin {crm} has no sandbox.")
    asked = settings.asked | getattr(app, "later_options", frozenset())
    unknown = sorted(chosen.keys() - asked)
    if unknown:
        known = ", ".join(sorted(asked))
        raise ConfigurationError(
            f"The sandbox of {crm} has no option {unknown[0]!r}.", remedy=f"It has: {known}."
        )
    with SandboxServer(app, bindable("127.0.0.1", port)) as server:
        say(f"The sandbox of {crm} is on {server.url}: open it in a browser to see its people.")
        say(
            f"Connect to it with: CRMWIRE_ALLOW_LOOPBACK=1 crmwire connection add {crm}"
            f" --host {server.url}, and {' or '.join(tokens)} as the token."
        )
        app_id = chosen.get("client_id", CLIENT_ID)
        say(
            f"Or by its login pages: echo {chosen.get('client_secret', CLIENT_SECRET)}"
            f" | CRMWIRE_ALLOW_LOOPBACK=1 crmwire connect {crm} --client-id {app_id}"
            f" --client-secret-stdin --host {server.url} --login-host {server.url}"
        )
        threading.Event().wait()  # until a signal comes
