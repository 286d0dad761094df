"""`llmpool providers login` and `logout`: accounts instead of keys."""

from typing import Annotated

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit

LOGIN_EXAMPLES = (
    "llmpool providers login github-copilot",
    "llmpool providers login gemini-cli --no-browser",
    "llmpool providers login copilot --keep file --plaintext",
)
"""Of `login`, for whoever registers it."""
LOGOUT_EXAMPLES = (
    "llmpool providers logout github-copilot",
    "llmpool providers logout gemini-cli --account me@example.com",
)
"""Of `logout`, likewise."""


def login(
    ctx: Context,
    provider: Annotated[
        str,
        Argument(
            metavar="PROVIDER|TYPE",
            autocompletion="logins",
            help="A provider, or antigravity, gemini-cli, copilot, codex.",
        ),
    ],
    device: Annotated[
        bool, Option("--device", help="Type a code in on any device; copilot always does.")
    ] = False,
    no_browser: Annotated[
        bool, Option("--no-browser", help="Open no browser; the address is printed in any case.")
    ] = False,
    keep: Annotated[
        str, Option("--keep", metavar="WHERE", help="Where the tokens lie: keyring, or file.")
    ] = "",
    plaintext: Annotated[
        bool, Option("--plaintext", help="They may lie in secrets.json unencrypted, mode 0600.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Log in with an account instead of a key. Experimental: tried against stand-ins of these servers only.

    It takes an OAuth client of your own, for llmpool ships nobody's: `[oauth.TYPE] client_id` in the config,
    or LLMPOOL_OAUTH_<TYPE>_CLIENT_ID and _CLIENT_SECRET. Several accounts of a provider stand in for each
    other. Whether a vendor allows your client is for its terms to say.
    """
    from llmpool.cli.login_view import Greeter
    from llmpool.setup import login as logging_in

    terminal: Terminal = ctx.obj
    wish = logging_in.Wish(provider, device=device, keep=keep, plaintext=plaintext)
    with Greeter(terminal, browser=not no_browser) as greeter:
        manners = logging_in.Manners(greeter.show, greeter.left)
        account = logging_in.login(terminal.pool, wish, manners)
    if as_json:
        from llmpool.setup import account_view

        view = account_view.account(account, terminal.pool)
        terminal.json({"provider": account.provider, "account": view})
        return Exit.OK
    who = account.email or account.id
    where = "the keyring" if account.store == "keyring" else str(terminal.pool.paths.secrets)
    terminal.say(f"{account.provider}: logged in as {who}; the tokens lie in {where}")
    terminal.say("experimental: it was tried against stand-ins of that server alone")
    terminal.say(f"what it has: llmpool refresh {account.provider}")
    return Exit.OK


def logout(
    ctx: Context,
    provider: Annotated[
        str,
        Argument(metavar="PROVIDER|TYPE", autocompletion="logins", help="The one to log out of."),
    ],
    account: Annotated[str, Option("--account", metavar="WHO", help="Only this one, by e-mail or id.")] = "",
    as_json: JsonFlag = False,
) -> int:
    """Forget the accounts of a provider and their tokens, here; nobody else is told.

    To make the tokens worthless everywhere, revoke them where they are from.
    """
    from llmpool.setup import login as logging_in

    terminal: Terminal = ctx.obj
    gone = logging_in.logout(terminal.pool, provider, account)
    if as_json:
        terminal.json({"provider": gone[0].provider, "logged_out": [login.id for login in gone]})
        return Exit.OK
    terminal.say(f"{gone[0].provider}: logged out {logging_in.emails(gone)}")
    return Exit.OK
