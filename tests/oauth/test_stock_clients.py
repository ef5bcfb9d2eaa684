"""Two stock client libraries, unchanged, go through the whole flow over real sockets; a person consents in between."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from joserfc import jwt
from joserfc.jwk import KeySet
from requests_oauthlib import OAuth2Session

from tests import installs
from tests.installs import CALLBACK
from tests.web.conftest import Browser
from tests.world import World

SCOPE = ["openid", "email", "profile", "offline", "tags:read"]


async def consent(browser: Browser, shop: World, address: str) -> str:
    """The address the browser is sent to when the administrator has logged in and pressed Connect."""
    path = address.removeprefix("http://" + shop.ada.host)
    asked = await browser.get(path)
    assert (asked.status, asked.headers["Location"].startswith("/login?next=")) == (303, True)
    back = await browser.log_in(shop.ada.email, next=path)
    assert (back.status, back.headers["Location"]) == (303, path)
    page = await browser.get(path)
    assert page.status == 200, page.text
    request = urlsplit(path).query
    given = {"csrf": await browser.token(path), "request": request, "decision": "allow"}
    answer = await browser.post("/oauth/authorize", given)
    assert answer.status == 303, answer.text
    return str(answer.headers["Location"])


def discovered(base: str) -> Any:
    found = requests.get(base + "/.well-known/openid-configuration", timeout=60)
    assert found.status_code == 200
    assert found.json()["issuer"] == base
    return found.json()


async def test_requests_oauthlib(browser: Browser, shop: World, names: None) -> None:
    app, base = await installs.register(shop), "http://" + shop.ada.host
    server = await asyncio.to_thread(discovered, base)
    with OAuth2Session(app.id, redirect_uri=CALLBACK, scope=SCOPE) as client:
        address, state = client.authorization_url(server["authorization_endpoint"])
        back = await consent(browser, shop, address)
        assert back.startswith(CALLBACK + "?code=")
        assert parse_qs(urlsplit(back).query)["state"] == [state]

        def flow() -> None:
            token = client.fetch_token(
                server["token_endpoint"], authorization_response=back, client_secret=app.secret
            )
            assert (token["token_type"], token["expires_in"]) == ("Bearer", 86400)
            assert client.get(base + "/api/tags").json()["object"] == "list"
            assert client.get(server["userinfo_endpoint"]).json() == {
                "sub": str(shop.ada.user_id),
                "account_id": shop.account.id,
                "email": shop.ada.email,
                "email_verified": False,
                "name": "Ada Agent",
            }
            first = token["access_token"]
            again = client.refresh_token(
                server["token_endpoint"],
                refresh_token=token["refresh_token"],
                auth=(app.id, app.secret),
                client_id=app.id,
                redirect_uri=CALLBACK,
            )
            assert again["access_token"] != first
            assert client.get(base + "/api/tags").status_code == 200

        await asyncio.to_thread(flow)


async def test_authlib_with_openid_and_pkce(browser: Browser, shop: World, names: None) -> None:
    app, base = await installs.register(shop), "http://" + shop.ada.host
    server = await asyncio.to_thread(discovered, base)
    verifier = "v" * 43 + "-._~"
    client = AuthlibSession(
        app.id, app.secret, scope=" ".join(SCOPE), redirect_uri=CALLBACK, code_challenge_method="S256"
    )
    with client:
        address, state = client.create_authorization_url(
            server["authorization_endpoint"], code_verifier=verifier, nonce="n-0S6"
        )
        back = await consent(browser, shop, address)

        def flow() -> None:
            token = client.fetch_token(
                server["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state
            )
            found = KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=60).json())
            said = jwt.decode(token["id_token"], found, ["RS256"])
            assert said.header["kid"] == found.keys[-1].kid
            claims = {"iss": base, "aud": app.id, "nonce": "n-0S6", "sub": str(shop.ada.user_id)}
            claims |= {"email": shop.ada.email, "name": "Ada Agent", "account_id": shop.account.id}
            assert {name: said.claims[name] for name in claims} == claims
            assert said.claims["auth_time"] <= said.claims["iat"] < said.claims["exp"]
            access = jwt.decode(token["access_token"], found, ["RS256"]).claims
            assert set(access) == {
                "iss", "sub", "azp", "aud", "jti", "scope", "auth_time", "iat", "exp", "account_id",
            }  # fmt: skip
            assert access["exp"] - access["iat"] == 86400
            assert (access["azp"], access["scope"]) == (app.id, " ".join(SCOPE))
            assert client.get(base + "/api/tags").status_code == 200
            assert (
                client.revoke_token(server["revocation_endpoint"], token["refresh_token"]).status_code == 200
            )
            assert client.get(base + "/api/tags").status_code == 401, (
                "what came of the same code goes with it"
            )

        await asyncio.to_thread(flow)
