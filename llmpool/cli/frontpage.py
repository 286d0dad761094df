"""The man page of the program itself: what no single command can say of it."""

from llmpool.cli.manpage import Entry, leaves, parameters
from llmpool.cli.roff import also, bold, commands, italic, page, paragraphs, prose, section, terms
from llmpool.cli.tree import summary
from llmpool.errors import Exit

ABOUT = """
Turns the endpoints of language models you have (keys of cloud vendors, servers on your network, a model
inside llmpool itself) into one pool. It knows what each of them offers, chooses the right one for a prompt
and says why, gets an answer even when some fail, and counts what it cost.

Each run is one short process. It uses the network to ask, to look, to load and to log in: `init`, `refresh`,
`chat`, `doctor`, and what examines or changes providers and models. `route`, `models list`, `models show`,
`policy` and `usage`, but for `usage prices update`, never do.

A group without a verb runs its first one: `llmpool models` is `llmpool models list`. Answers go to stdout,
all else to stderr; `--json` prints one document with a `schema` number. A prompt on the command line and
one that is piped in are joined.
"""

EXITS = {
    Exit.OK: "All is well.",
    Exit.BUG: "A bug of llmpool; `--traceback` shows where.",
    Exit.USAGE: "The command line, or a value in it, does not make sense.",
    Exit.UNKNOWN_NAME: "A name nobody carries, or one that several carry; the candidates are listed.",
    Exit.CONFIG: "The config is invalid; every problem is listed with file and key.",
    Exit.CREDENTIALS: "A key or login is missing, expired or refused.",
    Exit.NOTHING_ELIGIBLE: "Nothing is configured, or nothing may answer; each reason is listed.",
    Exit.FAILED: "Every attempt failed, or the answer broke off after it had begun.",
    Exit.REFUSED: "A budget, a quota, a policy or `--offline` forbids it.",
    Exit.PARTLY: "Partly done: a provider or a line of a batch failed, or `doctor` found something.",
    Exit.STATE: "A state file is corrupt, cannot be written, or comes from a newer version.",
    Exit.BUSY: "Busy or rate-limited; try again, with `--json` at the time in `retry_at`.",
    Exit.INTERRUPTED: "Interrupted from the keyboard.",
    Exit.PIPE_CLOSED: "Nobody reads what is printed any more.",
    Exit.TERMINATED: "Terminated by a signal.",
}

FILE_VARIABLES = {
    "LLMPOOL_CONFIG": "The config file, as `--config` names it.",
    "LLMPOOL_STATE_DIR": "The state directory, as `--state` names it.",
    "XDG_CONFIG_HOME": "Where the directory `llmpool` with the config is, instead of `~/.config`.",
    "XDG_STATE_HOME": "Where the directory `llmpool` with the state is, instead of `~/.local/state`.",
    "LLMPOOL_STATE_KEY": "Encrypts what is in `secrets.json`, as a passphrase does.",
    "LLMPOOL_STATE_KEY_FILE": "A file with that state key.",
    "LLMPOOL_PLAINTEXT_KEYRING": "When 1, a keyring that keeps keys in plain text may be used.",
}

VARIABLES = {
    **{name: FILE_VARIABLES[name] for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")},
    "NO_COLOR": "When set and not empty, no colour; `--color` goes before it, and it before the others.",
    "FORCE_COLOR": "When set and not empty, colour although stdout is no terminal.",
    "CLICOLOR_FORCE": "Likewise, unless it is 0.",
    "CLICOLOR": "When 0, no colour on a terminal either.",
    **{name: told for name, told in FILE_VARIABLES.items() if "STATE_KEY" in name or "KEYRING" in name},
    "LLMPOOL_PAGER": "Shows long lists on a terminal, else `PAGER` does; empty or `cat`: none.",
    "VISUAL": "The editor of `config edit` and of `/edit` in a conversation; else `EDITOR`.",
    "LLMPOOL_TRIAL_LICENSE": "The licence of a trial, where it was not installed.",
    "LLMPOOL_OAUTH_TYPE_CLIENT_ID": (
        "The id of your OAuth client for that type of login, such as `CODEX`, where the config names none; "
        "likewise its `_CLIENT_SECRET`."
    ),
    "HTTPS_PROXY": (
        "The proxy for the cloud; `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count likewise. What is for your "
        "own network takes a proxy only where that is in it."
    ),
}

OF_VARIABLES = """
What is on the command line goes before the environment. A flag is set by 1 and unset by 0; the values of an
option that may be given several times are parted by spaces. A variable that is empty counts as not set; an
option that is given an empty value is refused, but for free text such as `--system`. The variables of keys,
such as `OPENAI_API_KEY`, are those the config names and those of the presets: `llmpool providers presets`
lists them.
"""

FILES = {
    "~/.config/llmpool/config.toml": "What you declare: providers, models, routing, budgets. Never a key.",
    "~/.config/llmpool/secrets.json": "Keys kept without a keyring, readable by you alone.",
    "~/.local/state/llmpool/": (
        "What was observed and counted: inventory, health, policies, usage, decisions, sessions. "
        "It has to be on a local disk."
    ),
}

OF_FILES = """
On macOS and Windows they are where the system keeps such files: `llmpool config path --json` prints all
three. `llmpool.toml`(5) describes the config key by key, and the files of the state directory.
"""

JSON = """
With `--json` a command prints one document on stdout and no word beside it; with `--batch` one a line. Each
has `"schema": 1`. `--jsonl` prints the entries of its list instead, one a line, without the rest. Lists
stand under a plural name, times are RFC 3339 in UTC with `Z`, money is a decimal number as text, and what
is unknown is `null` or not there, never 0. An error is the last line of stderr, stdout stays empty:
`{"schema": 1, "error": {"exit", "kind", "message", "hint"}}`, with `retry_at`, `candidates`, `rejections`,
`attempts` or `problems` where there are such.

New versions may add a field; none is renamed or taken away while `schema` is 1. A JSON schema of every
document comes with llmpool: `llmpool config path --schemas` prints the directory. There `models-list.json`
is for `llmpool models list --json`, and `error.json` for errors.
"""

EXAMPLES = (
    "llmpool init",
    'llmpool chat "Why is the sky blue?"',
    'git diff | llmpool chat --local-only "Review this change"',
    'llmpool route --needs tools "Plan my week"',
    "llmpool models list --min-quality 7",
    "llmpool usage --by day --since 7d",
)


def front_page(top: Entry) -> str:
    """Write the page of the program itself out of the whole tree."""
    call = f"{bold('llmpool')} [{italic('OPTION')}]... {italic('COMMAND')} [{italic('ARGUMENT')}]..."
    sections = [
        section("SYNOPSIS", [call]),
        section("DESCRIPTION", paragraphs(ABOUT)),
        section("COMMANDS", _commands(top)),
        section("GLOBAL OPTIONS", [prose("They are accepted anywhere on the line."), *parameters(top)]),
        section("ENVIRONMENT", _terms(_stand_ins(top) | VARIABLES, OF_VARIABLES)),
        section("JSON", paragraphs(JSON)),
        section("EXIT STATUS", terms({str(int(code)): EXITS[code] for code in Exit})),
        section("FILES", _terms(FILES, OF_FILES)),
        section("EXAMPLES", commands(EXAMPLES)),
        also((*(each.page for each in top.verbs), "llmpool.toml(5)")),
    ]
    return page("llmpool", "one pool out of your scattered LLM endpoints", sections)


def _commands(top: Entry) -> list[str]:
    wide = max(len(each.words[0]) for each in top.verbs) + 2
    each_one = {each.words[0]: summary(each.command) for each in top.verbs}
    return [*terms(each_one, wide), ".PP", prose("Each has a page of its own, such as `llmpool-route`(1).")]


def _stand_ins(top: Entry) -> dict[str, str]:
    """Tell of every variable that stands for an option: for which, and of which commands."""
    used: dict[str, tuple[str, list[str]]] = {}
    for entry in (top, *leaves(top)):
        for param in entry.command.params:
            if param.envvar:
                used.setdefault(param.envvar, (max(param.opts, key=len), []))[1].append(" ".join(entry.words))
    return {
        name: f"The same as `{option}`" + (f" of {_listed(users)}." if any(users) else ".")
        for name, (option, users) in sorted(used.items())
    }


def _listed(words: list[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} and {last}" if rest else last


def _terms(meanings: dict[str, str], told: str) -> list[str]:
    return [*terms(meanings), ".PP", *paragraphs(told)]
