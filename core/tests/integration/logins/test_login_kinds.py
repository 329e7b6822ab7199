"""Logins of other kinds than the toy CRM's own: signed assertions, addresses out of answers."""

from __future__ import annotations

import json
from typing import Any

import attrs
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crmwire.errors import ConfigurationError, NeedsLogin, NotAllowed, RetryLater
from crmwire.hookspecs import hookimpl
from crmwire.logins import endpoint, forms, refusals
from crmwire.logins.answers import Unreadable, read_tokens
from crmwire.sandbox import Fault
from crmwire.testing import toycrm
from crmwire.testing.connect import connect
from crmwire.types import AuthScheme, OAuth2


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


OTHER = """
import attrs
from crmwire import hookimpl
from crmwire.testing import toycrm

@hookimpl
def auth_scheme(conn):
    scheme = toycrm.auth_scheme(conn)
    return attrs.evolve(scheme, oauth=attrs.evolve(scheme.oauth, {changes}))
"""


def local_plugin(bench: Any, changes: str) -> tuple[str, ...]:
    """A one-file plugin of the operator that changes the toy CRM's login."""
    folder = bench.folder / "home" / "plugins"
    folder.mkdir(exist_ok=True)
    (folder / "other_login.py").write_text(OTHER.format(changes=changes))
    return ("other_login.py",)


class TestBaseUrl:
    """Where the API is, as the token's answer says it."""

    def answering(self, bench: Any, base_url: object) -> None:
        """Let the token endpoint name that address."""
        routes = bench.sandbox._vendor.routes
        route = next(one for one in routes if one.path == "/oauth/token")
        real = route.endpoint

        async def token(request: Any) -> Any:
            answer = await real(request)
            told = {**json.loads(answer.body), "instance_url": base_url}
            return type(answer)(told, answer.status_code)

        route.endpoint = token
        route.app = __import__("starlette.routing", fromlist=["x"]).request_response(token)

    def test_requests_go_where_the_answer_says(self, bench: Any) -> None:
        self.answering(bench, bench.url.replace("127.0.0.1", "localhost"))
        plugins = local_plugin(bench, "base_url_field='instance_url'")
        bench.connect(plugins=plugins, host="https://toycrm.example.com")
        conn = bench.open()
        assert conn.http.base_url == bench.url.replace("127.0.0.1", "localhost")
        assert conn.http.get("me").status == 200

    @pytest.mark.parametrize(
        "address",
        [
            "https://evil.example.net",
            "https://toycrm.example.com.evil.example.net",
            "https://toycrm.example.com@evil.example.net",
            "http://toycrm.example.com",
            "https://169.254.169.254",
            "https://[::ffff:169.254.169.254]",
            "file:///etc/passwd",
            "//evil.example.net",
        ],
    )
    def test_an_address_that_is_not_the_crm_s_gets_no_token(self, bench: Any, address: str) -> None:
        self.answering(bench, address)
        plugins = local_plugin(bench, "base_url_field='instance_url'")
        with pytest.raises(NeedsLogin, match="not the CRM's"):
            bench.connect(plugins=plugins)
        assert bench.secrets() == {}

    @pytest.mark.parametrize("address", [None, "", 7, ["https://toycrm.example.com"]])
    def test_an_answer_without_an_address_cannot_be_read(self, bench: Any, address: object) -> None:
        self.answering(bench, address)
        plugins = local_plugin(bench, "base_url_field='instance_url'")
        with pytest.raises(RetryLater, match="cannot be read"):
            bench.connect(plugins=plugins)

    def test_a_stored_address_is_checked_again(self, bench: Any) -> None:
        bench.connect()
        row = bench.app.store.connection("crm")
        bench.app.store.write(
            lambda db: db.execute(
                "UPDATE logins SET base_url = 'https://evil.example.net' WHERE connection = ?",
                (row.id,),
            )
        )
        with pytest.raises(ConfigurationError, match="not a host of this CRM"):
            bench.open().http.get("me")


class TestAssertion:
    def test_it_is_signed_for_the_user_and_the_vendor(self, key: str) -> None:
        form = forms.assertion_form(
            client_id="app", key=key, user="ada@example.com", audience="https://login.example.com"
        )
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        public = serialization.load_pem_private_key(key.encode(), None).public_key()
        claims = jwt.decode(
            form["assertion"], public, algorithms=["RS256"], audience="https://login.example.com"
        )
        assert (claims["iss"], claims["sub"]) == ("app", "ada@example.com")

    @pytest.mark.parametrize("key", ["", "no key", "-----BEGIN PRIVATE KEY-----\nx\n-----END"])
    def test_a_key_that_is_none_is_said_to_be(self, key: str) -> None:
        with pytest.raises(ConfigurationError, match="private key") as caught:
            forms.assertion_form(client_id="app", key=key, user="u", audience="a")
        assert "RSA" in caught.value.remedy

    def test_an_app_logs_in_with_it_and_asks_anew_instead_of_refreshing(
        self, bench: Any, key: str
    ) -> None:
        plugins = local_plugin(
            bench, "grants=('jwt_bearer',), audience='https://toycrm.example.com'"
        )
        chosen = bench.settings(plugins=plugins, login_user="ada@example.com")
        real = bench.sandbox.logins
        body = {"access_token": "first-account", "token_type": "Bearer"}
        fault = Fault(kind="status", path="^/oauth/token", status=200, body=body)
        bench.sandbox.faults.arm([fault])
        bench.app.prepare_login("crm", crm="toy", settings=chosen)
        assert not bench.app.needs_person("crm", chosen)
        made = bench.app.log_in_by_itself("crm", settings=chosen, secrets={"private_key": key})
        assert made.report.account_name == "Example Ltd 1"
        assert set(bench.secrets()) == {"access_token", "private_key"}
        assert real.refreshes == 0
        bench.open().login.refresh()
        forms_ = [call["grant_type"][0] for call in bench.token_calls()]
        assert forms_ == ["urn:ietf:params:oauth:grant-type:jwt-bearer"] * 2

    def test_it_needs_a_key_and_a_user(self, bench: Any, key: str) -> None:
        plugins = local_plugin(bench, "grants=('jwt_bearer',)")
        chosen = bench.settings(plugins=plugins)
        bench.app.prepare_login("crm", crm="toy", settings=chosen)
        with pytest.raises(ConfigurationError, match="key and the user's name"):
            bench.app.log_in_by_itself("crm", settings=chosen, secrets={"private_key": key})


class TestRefusals:
    """RFC 6749's codes, where a plugin does not say otherwise."""

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("invalid_grant", NeedsLogin),
            ("invalid_client", NeedsLogin),
            ("unauthorized_client", NeedsLogin),
            ("invalid_scope", NeedsLogin),
            ("access_denied", NotAllowed),
            ("temporarily_unavailable", RetryLater),
            ("server_error", RetryLater),
            ("anything", NeedsLogin),
        ],
    )
    def test_each_has_its_class_and_remedy(self, code: str, kind: type) -> None:
        body = json.dumps({"error": code, "error_description": "because\x1b[31m"})
        failure = refusals.classified("toy", "crm", 400, body)
        assert isinstance(failure, kind)
        assert failure.code == code
        assert "because [31m" in failure.message
        assert failure.remedy or kind is RetryLater

    @pytest.mark.parametrize("body", ["", "{", "[]", '{"error": 7}', "<html></html>", "null"])
    def test_what_says_nothing_is_not_taken_for_a_refusal(self, body: str) -> None:
        assert refusals.classified("toy", "crm", 400, body) is None

    def test_a_vendor_that_is_down_has_refused_nothing(self, bench: Any) -> None:
        bench.connect()
        body = json.dumps({"error": "invalid_grant"})
        for status in (408, 429, 500, 502, 503):
            failure = endpoint.refusal(bench.open(), status, {"retry-after": "9"}, body)
            assert isinstance(failure, RetryLater)
            assert failure.after == 9
            assert failure.pause


class TestAnswers:
    OAUTH = OAuth2(authorize_url="https://x.example.com/a", token_url="https://x.example.com/t")

    def test_scopes_stand_in_a_text_or_in_a_list(self) -> None:
        for more in ({"scope": "a b"}, {"scopes": ["a", "b"]}):
            made = read_tokens(json.dumps({"access_token": "x", **more}), self.OAUTH)
            assert made.scopes == ("a", "b")

    @pytest.mark.parametrize(
        ("given", "life"),
        [(1800, 1800.0), ("1800", 1800.0), (0, None), (-5, None), (None, None), (1e300, None)],
    )
    def test_a_life_that_makes_no_sense_is_none(self, given: object, life: float | None) -> None:
        body = json.dumps({"access_token": "x", "expires_in": given})
        assert read_tokens(body, self.OAUTH).expires_in == life

    def test_the_plugin_knows_a_life_that_the_answer_does_not_tell(self) -> None:
        oauth = attrs.evolve(self.OAUTH, lifetime=900.0)
        assert read_tokens('{"access_token": "x"}', oauth).expires_in == 900.0

    @pytest.mark.parametrize(
        "told",
        [
            {}, {"access_token": ""}, {"access_token": 7}, {"access_token": "a b"},
            {"access_token": "é"}, {"access_token": "x" * 20_000},
            {"access_token": "x", "refresh_token": "a\nb"}, {"error": "invalid_grant"},
            {"access_token": "x", "expires_in": "soon"}, {"access_token": "x", "expires_in": {}},
        ],
    )  # fmt: skip
    def test_what_is_no_answer_cannot_be_read(self, told: dict[str, Any]) -> None:
        with pytest.raises(Unreadable):
            read_tokens(json.dumps(told), self.OAUTH)

    def test_tokens_do_not_show_themselves(self) -> None:
        made = read_tokens('{"access_token": "secret-1", "refresh_token": "secret-2"}', self.OAUTH)
        assert "secret" not in repr(made)


def test_a_plugin_that_names_a_login_elsewhere_sends_nothing_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Elsewhere:
        @hookimpl
        def auth_scheme(self, conn: Any) -> AuthScheme:
            oauth = OAuth2(
                authorize_url="https://toycrm.example.com/a",
                token_url="https://evil.example.net/t",
            )
            return AuthScheme(base_url=toycrm.URL, oauth=oauth)

    conn = connect(toycrm, toycrm.URL, extra=[("elsewhere", Elsewhere())])
    with pytest.raises(ConfigurationError, match="not a host of this CRM"):
        endpoint.ask(conn, {"grant_type": "x"})
