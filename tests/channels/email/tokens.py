"""An OAuth2 provider's token endpoint, and its answer to a mail server that asks whose a token is."""

from aiohttp import web


class Tokens:
    """Gives access tokens for refresh tokens, each of them once, and tells Dovecot whose they are."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.asked: list[dict[str, str]] = []
        self.good: set[str] = set()
        self.refuses = False

    async def token(self, request: web.Request) -> web.Response:
        fields = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(fields)
        if self.refuses or fields["refresh_token"] != f"refresh-{len(self.asked) - 1}":
            told = {"error": "invalid_grant", "error_description": "The token was revoked."}
            return web.json_response(told, status=400)
        self.good = {f"access-{len(self.asked)}"}
        told = {"access_token": f"access-{len(self.asked)}", "expires_in": 3600}
        return web.json_response(told | {"refresh_token": f"refresh-{len(self.asked)}"})

    async def info(self, request: web.Request) -> web.Response:
        if request.query["access_token"] not in self.good:
            return web.json_response({"active": "no"})
        return web.json_response({"user": self.user, "active": "yes"})
