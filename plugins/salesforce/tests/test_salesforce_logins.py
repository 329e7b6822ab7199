"""Logging in to an org, staying logged in, and each way in which that is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import crmwire_salesforce
from crmwire.cli import cli
from crmwire.errors import CrmwireError, Failure, NeedsLogin, NotAllowed, RetryLater
from crmwire.sandbox import CLIENT_ID, CLIENT_SECRET, Fault
from crmwire.sandbox.loginpage import NoForm
from crmwire.testing import connect
from crmwire_salesforce.login_errors import RULES, LoginRule, classify_login
from crmwire_salesforce.sandbox_app.assertions import read_assertion

TOKEN = "/services/oauth2/token"


def rule_of(error: str, says: str = "") -> LoginRule:
    return next(rule for rule in RULES if rule.fits(error, says))


def run(*arguments: str) -> str:
    return CliRunner().invoke(cli, arguments, prog_name="crmwire").output


@pytest.fixture
def logged(new_scene: Any) -> Any:
    """A scene with a connection that somebody has logged in, and a route."""
    scene = new_scene()
    scene.log_in()
    assert scene.app.check("sales").ok
    scene.route("linktime")
    return scene


# ---------------------------------------------------------------- where


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "https://login.salesforce.com"),
        ({"login_host": "https://test.salesforce.com/"}, "https://test.salesforce.com"),
        ({"host": "https://example.my.salesforce.com"}, "https://example.my.salesforce.com"),
        (
            {
                "host": "https://example--dev.sandbox.my.salesforce.com",
                "login_host": "https://test.salesforce.com",
            },
            "https://test.salesforce.com",
        ),
    ],
)
def test_people_log_in_at_production_a_sandbox_or_their_own_domain(
    settings: dict[str, str], host: str
) -> None:
    settings = {"host": None, **settings}
    conn = connect(crmwire_salesforce, **settings)  # type: ignore[arg-type]
    oauth = conn.scheme.oauth
    assert oauth is not None
    assert oauth.authorize_url == f"{host}/services/oauth2/authorize"
    assert oauth.token_url == f"{host}{TOKEN}"
    assert oauth.audience == host
    assert (oauth.pkce, oauth.lifetime, oauth.base_url_field) == (True, None, "instance_url")
    request = conn.hooks.revocation("secret")
    assert request is not None
    assert (request.path, request.form) == (
        f"{host}/services/oauth2/revoke",
        {"token": "secret"},
    )


@pytest.mark.parametrize(
    "host",
    ["https://salesforce.com.example.com", "https://example.com", "http://my.salesforce.com"],
)
def test_nobody_is_sent_to_another_host(new_scene: Any, host: str) -> None:
    scene = new_scene()
    with pytest.raises(CrmwireError):
        scene.log_in(login_host=host)


# ---------------------------------------------------------------- a login that holds


def test_a_login_names_the_org_and_its_bookings_are_written(new_scene: Any) -> None:
    scene = new_scene(tokens=("one", "two"))
    made = scene.log_in(account="two")
    assert (made.report.account_id, made.again) == (scene.org("two").org_id, False)
    assert made.report.account_name == "Example Ltd 2"
    scene.route("linktime")
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]
    assert len(scene.records("Event", "two")) == 1
    assert scene.records("Event", "one") == []


def test_the_page_is_asked_with_a_challenge_and_what_is_needed(new_scene: Any) -> None:
    scene = new_scene()
    scene.log_in()
    page, press_, token, *_ = scene.calls()
    asked = parse_qs(page["query"])
    assert asked["scope"] == ["api refresh_token"]
    assert asked["code_challenge_method"] == ["S256"]
    assert (page["path"], press_["method"]) == ("/services/oauth2/authorize", "POST")
    assert token["path"] == TOKEN
    assert "code_verifier" in token["body"]


def test_a_session_that_ended_is_renewed_by_the_next_call(logged: Any) -> None:
    for n in range(3):
        logged.login_admin("expire_sessions")
        logged.tell(logged.booking("created", f"b{n}", email=f"p{n}@example.com"))
    assert logged.states() == ["delivered"] * 3
    assert logged.sandbox.logins.refreshes == 3
    assert len(logged.records("Event")) == 3


def test_a_session_that_ended_is_no_finding_of_check(logged: Any) -> None:
    logged.login_admin("expire_sessions")
    assert logged.app.check("sales").ok


def test_a_refresh_token_that_rotates_is_kept_before_it_is_used(new_scene: Any) -> None:
    scene = new_scene(rotation="yes")
    scene.log_in()
    scene.route("linktime")
    for n in range(4):
        scene.login_admin("expire_sessions")
        scene.reopen()
        scene.tell(scene.booking("created", f"b{n}", email=f"p{n}@example.com"))
    assert scene.states() == ["delivered"] * 4
    (consent,) = scene.sandbox.logins.consents
    assert (len(consent.rotated), consent.ended) == (4, "")


def test_a_rotated_token_that_comes_again_ends_the_login(new_scene: Any) -> None:
    scene = new_scene(rotation="yes")
    scene.log_in()
    (consent,) = scene.sandbox.logins.consents
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": consent.refresh,
    }
    app = scene.sandbox.logins.apps[CLIENT_ID]
    scene.sandbox.logins.refresh(app, form["refresh_token"])
    with pytest.raises(Exception, match="rotated_refresh"):
        scene.sandbox.logins.refresh(app, form["refresh_token"])
    assert not scene.app.check("sales").ok


def test_two_refreshes_at_once_are_one(logged: Any, http: Any) -> None:
    """Salesforce refuses the second while the first is under way; that is no lost login."""
    (consent,) = logged.sandbox.logins.consents
    logged.login_admin("login_host", delay=0.4)
    logged.login_admin("expire_sessions")
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": consent.refresh,
    }
    other = threading.Thread(target=lambda: http.post(logged.url + TOKEN, data=form))
    other.start()
    logged.tell(logged.booking("created"))
    other.join()
    assert logged.states() == ["delivered"]
    assert logged.sandbox.logins.refreshes == 2
    refused = [call["status"] for call in logged.calls() if call["path"] == TOKEN]
    assert 400 in refused


def test_a_sixth_approval_ends_the_oldest_login(new_scene: Any) -> None:
    scene = new_scene()
    for n in range(6):
        scene.log_in(f"sales-{n}")
    assert [bool(one.ended) for one in scene.sandbox.logins.consents] == [True] + [False] * 5
    assert not scene.app.check("sales-0").ok
    assert scene.app.check("sales-1").ok


def test_a_disconnected_login_is_revoked_at_salesforce(logged: Any) -> None:
    (consent,) = logged.sandbox.logins.consents
    made = logged.app.disconnect("sales")
    assert consent.ended
    assert "revoke" in [call["path"] for call in logged.calls()][-1]
    assert made
    logged.accept(logged.booking("created"))
    logged.drain_once()
    assert logged.states() == ["ready"]
    logged.log_in()
    logged.drain()
    assert logged.states() == ["delivered"]


def test_an_org_without_the_api_is_told_at_the_login(new_scene: Any) -> None:
    scene = new_scene()
    scene.admin("set_api_access", enabled=False)
    made = scene.log_in()
    (error,) = [one for one in made.report.findings if one.level == "error"]
    assert error.subject == "edition"
    assert "API_DISABLED_FOR_ORG" in error.message


# ---------------------------------------------------------------- a login that is lost

LOST: dict[str, tuple[str, dict[str, Any], str]] = {
    "revoked by an admin": ("revoke_logins", {}, "expired access/refresh token"),
    "user deactivated": ("deactivate_user", {"email": "integration1@example.com"}, ""),
    "user locked": ("set_login", {"user_locked": True}, "authentication failure"),
    "address refused": ("set_login", {"ip_allowed": False}, "ip restricted or invalid login hours"),
    "app uninstalled": ("set_login", {"installed": False}, ""),
    "user not allowed": ("set_login", {"allowed": False}, ""),
    "app blocked": ("set_login", {"blocked": True}, ""),
    "org inactive": ("set_login", {"org_active": False}, ""),
    "secret replaced": ("replace_secret", {"secret": "another"}, ""),
    "app deleted": ("delete_app", {}, ""),
}
ERRORS = {
    "revoked by an admin": "invalid_grant",
    "user deactivated": "inactive_user",
    "user locked": "invalid_grant",
    "address refused": "invalid_grant",
    "app uninstalled": "app_not_found",
    "user not allowed": "invalid_app_access",
    "app blocked": "invalid_app_access",
    "org inactive": "inactive_org",
    "secret replaced": "invalid_client",
    "app deleted": "invalid_client_id",
}


@pytest.mark.parametrize("cause", LOST)
def test_a_lost_login_says_why_waits_and_goes_on_after_the_next(logged: Any, cause: str) -> None:
    action, body, says = LOST[cause]
    rule = rule_of(ERRORS[cause], says)
    logged.login_admin(action, **body)
    logged.login_admin("expire_sessions")
    for n in range(3):
        logged.accept(logged.booking("created", f"b{n}", email=f"p{n}@example.com"))
    logged.drain_once()
    assert logged.states() == ["ready"] * 3
    assert logged.records("Event") == []
    told = run("status")
    assert "needs login" in told
    assert rule.message in told
    assert f"{rule.remedy} Run `crmwire connect salesforce --name sales`." in told
    logged.calls()
    logged.drain_once()
    assert logged.calls() == [], "nothing is tried in vain"
    undo = {
        "set_login": lambda: logged.login_admin(action, **{one: not body[one] for one in body}),
        "deactivate_user": lambda: logged.login_admin("activate_user", **body),
        "delete_app": lambda: logged.login_admin("make_app"),
    }
    undo.get(action, lambda: None)()
    logged.log_in(secret="another" if action == "replace_secret" else CLIENT_SECRET)
    logged.drain()
    assert logged.states() == ["delivered"] * 3
    assert len(logged.records("Event")) == len(logged.records("Contact")) == 3


def test_a_user_who_left_is_replaced_by_another_of_the_org(logged: Any) -> None:
    logged.accept(logged.booking("created", "b1", email="grace@example.com"))
    logged.drain()
    (event,), org = logged.records("Event"), logged.org()
    made = logged.admin(
        "create_record",
        type="User",
        fields={"LastName": "Next", "Username": "n@example.com", "Email": "n@example.com"},
    )
    successor = made["id"]
    logged.login_admin("deactivate_user", email="integration1@example.com")
    logged.login_admin("expire_sessions")
    logged.accept(logged.booking("cancelled", "b1", minute=5, email="grace@example.com"))
    logged.drain_once()
    assert logged.app.store.connection("sales").state == "needs_login"
    org.user_id = successor  # who has opened the page now
    again = logged.log_in()
    assert (again.again, again.report.user_id) == (True, successor)
    logged.drain()
    assert logged.states() == ["delivered"] * 2
    (same,) = logged.records("Event")
    assert same["Id"] == event["Id"]
    assert same["LastModifiedById"] == successor
    assert len(logged.records("Contact")) == 1


def test_a_login_that_is_revoked_in_the_middle_of_200_bookings_loses_none(
    logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = logged.sandbox.commit

    def revoking(*change: Any) -> None:
        commit(*change)
        if len(logged.sandbox.commits) == 60:
            logged.sandbox.logins.end("sandbox")

    monkeypatch.setattr(logged.sandbox, "commit", revoking)
    for n in range(200):
        logged.accept(logged.booking("created", f"b{n}", email=f"p{n}@example.com", name=f"P {n}"))
    logged.drain_once()
    done = logged.states().count("delivered")
    assert 0 < done < 200
    assert len(logged.records("Event")) == done
    assert "needs login" in run("status")
    logged.log_in()
    logged.drain(20)
    assert logged.states() == ["delivered"] * 200
    assert len(logged.records("Event")) == len(logged.records("Contact")) == 200


def test_too_many_logins_are_waited_for(logged: Any) -> None:
    logged.login_admin("set_login", rate_limited=True)
    logged.login_admin("expire_sessions")
    logged.accept(logged.booking("created"))
    logged.drain_once()
    (row,) = logged.rows("ready")
    rule = rule_of("rate_limit_exceeded")
    assert rule.message in row.reason
    assert "needs login" not in run("status")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(
            kind="status",
            path="oauth2/token",
            status=503,
            body={"error": "invalid_grant", "error_description": "expired access/refresh token"},
            times=1,
        ),
        Fault(
            kind="status",
            path="oauth2/token",
            status=400,
            body={"error": "unknown_error", "error_description": "retry your request"},
            times=1,
        ),
        Fault(kind="html", path="oauth2/token", status=502, times=1),
        Fault(kind="cut_before", path="oauth2/token", times=1),
    ],
    ids=["server error", "unknown error", "page", "cut"],
)
def test_trouble_of_the_login_host_is_no_lost_login(logged: Any, fault: Fault) -> None:
    logged.sandbox.faults.arm([fault])
    logged.login_admin("expire_sessions")
    logged.accept(logged.booking("created"))
    logged.drain_once()
    assert logged.states() == ["ready"]
    assert "needs login" not in run("status")


def test_an_answer_that_names_another_host_is_not_followed(new_scene: Any) -> None:
    scene = new_scene()
    body = {"access_token": "00Dx!y", "instance_url": "https://salesforce.com.example.com"}
    scene.sandbox.faults.arm([Fault(kind="status", path="oauth2/token", status=200, body=body)])
    with pytest.raises(NeedsLogin, match=r"not the CRM's"):
        scene.log_in()


# ---------------------------------------------------------------- refused while logging in


def refused(scene: Any, **more: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        scene.log_in(**more)
    return caught.value


def told_so(failure: Failure, error: str, says: str = "") -> None:
    rule = rule_of(error, says)
    assert type(failure) is rule.failure
    assert failure.code == error
    assert failure.message.startswith(rule.message)
    assert failure.remedy.startswith(rule.remedy)
    assert failure.remedy.endswith("Run `crmwire connect salesforce --name sales`.")


def test_a_login_that_is_declined(new_scene: Any) -> None:
    failure = refused(new_scene(), decision="deny")
    assert isinstance(failure, NotAllowed)
    told_so(failure, "access_denied")


def test_a_wrong_secret(new_scene: Any) -> None:
    told_so(refused(new_scene(), secret="wrong"), "invalid_client")


def test_a_code_that_is_too_old(new_scene: Any) -> None:
    scene = new_scene()
    scene.sandbox.logins.policy.code_life = -1.0
    told_so(refused(scene), "invalid_grant", "expired authorization code")


def test_a_scope_that_the_app_may_not_have(new_scene: Any) -> None:
    told_so(refused(new_scene(), scopes=["everything"]), "invalid_scope")


@pytest.mark.parametrize(
    ("rules", "error", "says"),
    [
        ({"org_active": False}, "inactive_org", ""),
        ({"rate_limited": True}, "rate_limit_exceeded", ""),
    ],
)
def test_what_the_token_endpoint_refuses(
    new_scene: Any, rules: dict[str, bool], error: str, says: str
) -> None:
    scene = new_scene()
    scene.login_admin("set_login", **rules)
    failure = refused(scene)
    assert failure.code == error
    assert failure.message.startswith(rule_of(error, says).message)


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        ({"installed": False}, "OAUTH_EC_APP_NOT_FOUND"),
        ({"allowed": False}, "OAUTH_APP_ACCESS_DENIED"),
        ({"blocked": True}, "OAUTH_APP_BLOCKED"),
        ({"user_locked": True}, "check your username and password"),
        ({"ip_allowed": False}, "not allowed to log in from this address"),
    ],
)
def test_a_page_that_never_comes_back_is_hinted_at(
    new_scene: Any, rules: dict[str, bool], shown: str
) -> None:
    scene = new_scene()
    scene.login_admin("set_login", **rules)
    with pytest.raises(NoForm) as caught:
        scene.log_in()
    assert shown in caught.value.text
    conn = scene.app.openings.connection(scene.app.store.connection("sales"))
    assert "OAUTH_EC_APP_NOT_FOUND" in conn.scheme.oauth.hint


def test_an_app_that_is_not_known_is_not_sent_back(new_scene: Any) -> None:
    with pytest.raises(NoForm, match="invalid_client_id"):
        new_scene().log_in(client_id="unknown")


# ---------------------------------------------------------------- without a person


def keys() -> tuple[str, str]:
    """A private key and its public one, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def by_itself(scene: Any, grant: str, secrets: dict[str, str], **settings: Any) -> Any:
    quick = {"tries": [0.01], "read_timeout": 2.0, "settle_after": 0.02}
    chosen = {"login_host": scene.url, "client_id": CLIENT_ID, "grant": grant, **quick, **settings}
    scene.app.prepare_login("sales", crm="salesforce", settings=chosen)
    return scene.app.log_in_by_itself("sales", settings=chosen, secrets=secrets)


def test_an_app_logs_in_as_itself_and_again_when_the_session_ends(new_scene: Any) -> None:
    scene = new_scene()
    made = by_itself(scene, "client_credentials", {"client_secret": CLIENT_SECRET})
    assert made.report.account_name == "Example Ltd 1"
    scene.route("linktime")
    scene.login_admin("expire_sessions")
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]
    assert all(consent.refresh is None for consent in scene.sandbox.logins.consents)


@pytest.mark.parametrize(
    ("action", "body", "error", "says"),
    [
        ("login_host", {"generic": True}, "invalid_grant", "request not supported on this domain"),
        ("set_login", {"run_as": False}, "invalid_grant", "no client credentials user enabled"),
        ("replace_secret", {"secret": "x"}, "invalid_client", ""),
        ("set_login", {"installed": False}, "app_not_found", ""),
    ],
)
def test_an_app_that_may_not_log_in_as_itself(
    new_scene: Any, action: str, body: dict[str, Any], error: str, says: str
) -> None:
    scene = new_scene()
    scene.login_admin(action, **body)
    with pytest.raises(Failure) as caught:
        by_itself(scene, "client_credentials", {"client_secret": CLIENT_SECRET})
    told_so(caught.value, error, says)


def test_an_app_signs_for_a_user(new_scene: Any) -> None:
    scene = new_scene()
    private, public = keys()
    scene.login_admin("upload_certificate", pem=public)
    user = {"login_user": "integration1@example.com"}
    made = by_itself(scene, "jwt_bearer", {"private_key": private}, **user)
    assert made.report.user_id == scene.org().user_id
    scene.route("linktime")
    scene.login_admin("expire_sessions")
    scene.tell(scene.booking("created"))
    assert scene.states() == ["delivered"]


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ("not approved", "user hasn't approved this consumer"),
        ("other key", "invalid assertion"),
        ("other user", "invalid assertion"),
        ("other host", "Audience validation failed"),
    ],
)
def test_an_app_that_may_not_sign_for_a_user(
    new_scene: Any, monkeypatch: pytest.MonkeyPatch, cause: str, says: str
) -> None:
    scene = new_scene()
    private, public = keys()
    scene.login_admin("upload_certificate", pem=public)
    if cause == "not approved":
        scene.login_admin("set_login", approved=False)
    if cause == "other key":
        private, _ = keys()
    if cause == "other host":
        # The host that the assertion is for is another than the one that it is sent to.
        monkeypatch.setattr(
            "crmwire_salesforce.sandbox_app.assertions.AUDIENCES", ("https://example.com",)
        )
        monkeypatch.setattr(
            "crmwire_salesforce.sandbox_app.logins.read_assertion",
            lambda text, pem, host: read_elsewhere(text, pem),
        )
    user = "nobody@example.com" if cause == "other user" else "integration1@example.com"
    with pytest.raises(Failure) as caught:
        by_itself(scene, "jwt_bearer", {"private_key": private}, login_user=user)
    told_so(caught.value, "invalid_grant", says)


def read_elsewhere(text: str, pem: str) -> Any:
    """Read an assertion at a host that it is not for."""
    return read_assertion(text, pem, "https://other.my.salesforce.com")


# ---------------------------------------------------------------- every rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.error} {rule.says}")
def test_each_refusal_has_its_own_message_and_remedy(rule: LoginRule) -> None:
    says = rule.says[0] if rule.says else "as Salesforce says"
    body = json.dumps({"error": rule.error, "error_description": f"It is: {says}"})
    failure = classify_login("sales", body)
    assert failure is not None
    assert type(failure) is rule.failure
    assert failure.message.startswith(f"{rule.message} ({rule.error}: ")
    assert failure.remedy.startswith(rule.remedy)
    if isinstance(failure, RetryLater):
        assert (failure.pause, failure.after) == (rule.pause, rule.after)
    else:
        assert "crmwire connect salesforce --name sales" in failure.remedy


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"error": 5}', '{"error": "new_one"}'])
def test_what_is_not_known_is_left_to_core(body: str) -> None:
    assert classify_login("sales", body) is None


def test_a_description_cannot_forge_what_a_terminal_shows() -> None:
    body = json.dumps({"error": "invalid_grant", "error_description": "x\x1b[2J\n" * 100})
    failure = classify_login("sales", body)
    assert failure is not None
    assert failure.message.isprintable()
    assert len(failure.message) < 400


# ---------------------------------------------------------------- the sandbox by itself


def page_of(lab: Any, **changed: str | None) -> str:
    asked = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": "http://localhost:1/x",
        "state": "s",
        "scope": "api refresh_token",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        **changed,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"{lab.url}/services/oauth2/authorize?{query}"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
def test_what_the_page_sends_back_at_once(
    lab: Any, changed: dict[str, str | None], error: str
) -> None:
    answer = lab.client.get(page_of(lab, **changed), follow_redirects=False)
    assert answer.status_code == 302
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (told["error"], told["state"]) == ([error], ["s"])
    assert rule_of(error, told["error_description"][0])


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"client_id": "unknown"}, "invalid_client_id"),
        ({"redirect_uri": "https://example.com/x"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri_missing"),
    ],
)
def test_what_the_page_shows_and_never_sends_back(
    lab: Any, changed: dict[str, str | None], shown: str
) -> None:
    answer = lab.client.get(page_of(lab, **changed), follow_redirects=False)
    assert (answer.status_code, shown in answer.text) == (400, True)


def code_of(lab: Any, **changed: str | None) -> str:
    form = dict(parse_qs(urlsplit(page_of(lab, **changed)).query))
    data = {name: values[0] for name, values in form.items()}
    url = f"{lab.url}/services/oauth2/authorize"
    data |= {"account": "sandbox", "decision": "allow"}
    answer = lab.client.post(url, data=data, follow_redirects=False)
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def exchange(lab: Any, code: str, **changed: str | None) -> Any:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uri": "http://localhost:1/x",
        "code_verifier": "v" * 43,
        **changed,
    }
    data = {name: value for name, value in form.items() if value is not None}
    return lab.client.post(lab.url + TOKEN, data=data)


def test_a_token_answer_is_the_vendors(lab: Any) -> None:
    digest = hashlib.sha256(b"v" * 43).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    code = code_of(lab, code_challenge=challenge)
    assert code.endswith("=="), "which has to be decoded once"
    answer = exchange(lab, code)
    told = answer.json()
    assert set(told) == {
        *("access_token", "refresh_token", "signature", "scope", "instance_url", "id"),
        *("token_type", "issued_at"),
    }
    assert told["issued_at"].isdigit()
    assert told["access_token"].startswith("00D")
    assert told["instance_url"] == lab.url
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    who = lab.client.get(told["id"], headers=headers).json()
    assert who["organization_id"] == lab.app.orgs["sandbox"].org_id
    assert lab.client.get(told["id"]).text == "Bad_OAuth_Token"
    again = exchange(lab, code)
    assert again.json()["error_description"] == "expired authorization code"
    limits = f"{lab.url}/services/data/v62.0/limits"
    assert lab.client.get(limits, headers=headers).status_code == 401, "a code used twice ends all"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_request"),
        ({"redirect_uri": "http://localhost:2/x"}, "redirect_uri_mismatch"),
        ({"code": "nonsense"}, "invalid_grant"),
        ({"client_id": "unknown"}, "invalid_client_id"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_what_the_token_endpoint_answers_to_a_wrong_exchange(
    lab: Any, changed: dict[str, str | None], error: str
) -> None:
    code = changed.pop("code", None) or code_of(lab)
    answer = exchange(lab, code, **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert rule_of(error, answer.json()["error_description"]).message


def test_a_login_without_the_api_scope_is_not_for_the_api(lab: Any) -> None:
    lab.app.logins.policy.pkce = "optional"
    code = code_of(lab, scope="openid", code_challenge=None, code_challenge_method=None)
    told = exchange(lab, code, code_verifier=None).json()
    assert "refresh_token" not in told
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    answer = lab.client.get(f"{lab.url}/services/data/v62.0/limits", headers=headers)
    assert answer.status_code == 401
    assert answer.json()[0]["message"].startswith("This session is not valid")


def test_tokens_are_introspected_and_revoked(lab: Any) -> None:
    lab.app.logins.policy.pkce = "optional"
    code = code_of(lab, code_challenge=None, code_challenge_method=None)
    told = exchange(lab, code, code_verifier=None).json()
    form = {"token": told["access_token"], "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    url = f"{lab.url}/services/oauth2/introspect"
    active = lab.client.post(url, data=form).json()
    assert (active["active"], active["scope"]) == (True, "api refresh_token")
    assert lab.client.post(url, data={**form, "client_secret": "x"}).status_code == 401
    revoke = f"{lab.url}/services/oauth2/revoke"
    gone = lab.client.post(revoke, data={"token": told["refresh_token"]})
    assert (gone.status_code, gone.content) == (200, b"")
    assert lab.client.post(url, data=form).json() == {"active": False}
    assert lab.client.get(revoke, params={"token": "nonsense"}).status_code == 400
    where = lab.client.get(f"{lab.url}/.well-known/openid-configuration").json()
    assert where["token_endpoint"] == lab.url + TOKEN
