"""The types of login that are known, and where their servers are; whose client logs in, the owner says.

Addresses, ports and scopes as pool-ledger-credentials 5.1 lists them. No client id, no client secret and no
header that names a vendor's program is here, or anywhere else in llmpool.
"""

from __future__ import annotations

from llmpool.auth.oauth import Application

_GOOGLE = "https://www.googleapis.com/auth/"
_CLOUD_CODE = "https://cloudcode-pa.googleapis.com"
_DAILY = "https://daily-cloudcode-pa.sandbox.googleapis.com"
_AUTOPUSH = "https://autopush-cloudcode-pa.sandbox.googleapis.com"
_OPENAI = "https://auth.openai.com/oauth"


def _google(kind: str, port: int, path: str, api: tuple[str, ...], *more: str) -> Application:
    scopes = ("cloud-platform", "userinfo.email", "userinfo.profile", *more)
    return Application(
        type=kind,
        name="Google Cloud Code",
        scopes=tuple(_GOOGLE + scope for scope in scopes),
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        userinfo_url="https://www.googleapis.com/oauth2/v1/userinfo?alt=json",
        api=api,
        port=port,
        path=path,
    )


GOOGLE = ("antigravity", "gemini-cli")
COPILOT = "copilot"
CODEX = "codex"
KINDS = {
    app.type: app
    for app in (
        _google(
            GOOGLE[0],
            51121,
            "/oauth-callback",
            (_CLOUD_CODE, _DAILY, _AUTOPUSH),
            *("cclog", "experimentsandconfigs"),
        ),
        _google(GOOGLE[1], 8085, "/oauth2callback", (_CLOUD_CODE, _DAILY)),
        Application(
            type=COPILOT,
            name="GitHub Copilot",
            scopes=("read:user",),
            token_url="https://github.com/login/oauth/access_token",  # noqa: S106 - an address
            device_url="https://github.com/login/device/code",
            userinfo_url="https://api.github.com/user",
            api=("https://api.github.com",),
        ),
        Application(
            type=CODEX,
            name="Codex CLI (OpenAI)",
            scopes=("openid", "profile", "email", "offline_access"),
            authorize_url=f"{_OPENAI}/authorize",
            token_url=f"{_OPENAI}/token",
            api=("https://chatgpt.com/backend-api/codex/responses",),
            port=1455,
            path="/auth/callback",
        ),
    )
}
