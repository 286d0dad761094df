"""What the pages of the commands say beyond the help: how things work, files, exit codes, other pages."""

from collections.abc import Mapping
from typing import NamedTuple

from llmpool.errors import Exit

ALWAYS = (Exit.OK, Exit.USAGE)
NAMED = (*ALWAYS, Exit.UNKNOWN_NAME, Exit.CONFIG)
KEPT = (Exit.STATE, Exit.BUSY)  # of whoever writes, which another may be doing
ASKING = (
    *(*NAMED, Exit.CREDENTIALS, Exit.NOTHING_ELIGIBLE, Exit.FAILED, Exit.REFUSED, Exit.PARTLY),
    *KEPT,
)


class Words(NamedTuple):
    """What is written by hand for one page; *sections* are titles and texts between usage and options."""

    see: tuple[str, ...]
    exits: tuple[Exit, ...]
    about: str = ""
    sections: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, str] = {}


_INIT = Words(
    see=("llmpool-providers", "llmpool-doctor", "llmpool-config"),
    exits=(*ALWAYS, Exit.CONFIG, Exit.CREDENTIALS, Exit.NOTHING_ELIGIBLE, Exit.REFUSED, Exit.PARTLY, *KEPT),
    about="""
    It looks for key variables such as `OPENAI_API_KEY`, for `OLLAMA_HOST` and variables that end in
    `_BASE_URL`, for servers on this machine (Ollama, LM Studio, llama.cpp, vLLM, Jan), and for the settings
    of other tools. No file of theirs is changed, and no key is copied: the config names the variable.
    """,
    files={
        "~/.config/llmpool/config.toml": "What it writes; see `llmpool.toml`(5).",
        "~/.config/llmpool/config.toml.*": "A config that `--from` has replaced.",
    },
)

_CHAT = Words(
    see=("llmpool-route", "llmpool-usage", "llmpool-policy"),
    exits=ASKING,
    sections=(
        (
            "WHO ANSWERS",
            """
            Without `-m` every deployment that meets the requirements is ranked, as `llmpool-route`(1) shows
            without asking anybody. `-m provider/model` pins: that deployment answers, or the run ends with 7;
            `--fallback` lets others stand in for it. `-m NAME`, where several providers have that model,
            routes among those. `auto`, `cloud` and `local` are words for the mode.

            An answer by another than was asked for is said in one line on stderr, and with `--json` in
            `requested`, `served_by` and `reason`.
            """,
        ),
        (
            "WHEN SOMEBODY FAILS",
            """
            The next key of a provider is tried, then the next candidate, then the `fallbacks` of the
            config, at last `recovery_model`. A pause of two seconds or less is waited out, and a longer one
            too where nobody else is left, up to `--max-wait`. None of the requirements is ever dropped for
            an answer.

            Once the first character is on the screen nobody else takes over: the run says where the answer
            broke off and ends with 7; `--on-break restart` asks another one to start over. With `--json`,
            `--no-stream` or `--schema` nothing was shown, so the next one answers.
            """,
        ),
        (
            "COOLDOWNS",
            """
            Who has failed rests, in this run and in all others. A key that was refused or is used up rests
            an hour. A deployment rests a minute, then 5, 25 and 60 minutes while it goes on failing; one
            that its provider does not know, an hour. A provider rests half a minute after its third failure
            in a row, and longer with each more, up to five minutes. A success ends it, and so do `llmpool
            refresh` where it succeeds and `llmpool providers clear`. When all that may answer rest, the one
            that is free soonest is tried once. With a single provider enabled, its own rests hold nobody
            up.
            """,
        ),
        (
            "CONVERSATIONS",
            """
            On a terminal the exchange is kept as the session `last`, until the next one: `-c`
            goes on with it. `--session NAME` keeps it for good. What is piped is kept nowhere,
            and `--no-log` keeps nothing at all. Prompts and answers are stored in sessions
            only: usage records and decisions have none.
            """,
        ),
        (
            "BATCHES",
            """
            `--batch FILE` answers a file of prompts: JSON objects with a `prompt`, one a line, or plain
            lines where its name ends in `.txt`. A line may say `id`, `system`, `model`, `max_tokens`,
            `schema`, `tag` and more for itself. Answers are JSON lines in the order of the prompts; a line
            that fails has an `error`, and the others go on. With `-o` what is answered already stays and is
            not asked again, so a batch that was broken off goes on with the same command. `--dry-run` says
            what it would cost.
            """,
        ),
    ),
    files={
        "~/.local/state/llmpool/sessions/NAME.jsonl": "One kept conversation.",
    },
)

_ROUTE = Words(
    see=("llmpool-chat", "llmpool-models", "llmpool-policy"),
    exits=(*NAMED, Exit.CREDENTIALS, Exit.NOTHING_ELIGIBLE, Exit.REFUSED, Exit.STATE),
    about="""
    It takes the options of `llmpool-chat`(1) that say who may answer, and decides as that would; so a script
    can ask first, and a person can see what an option changes. With nothing eligible each deployment is
    listed with the reason, and the exit code is 6.
    """,
    sections=(
        (
            "HOW ONE IS CHOSEN",
            """
            First come the requirements, and they never bend: `--local-only`, `--mode`, `--needs`,
            `--context-size`, `--min-quality`, `--max-cost`, `--group`, `--exclude`, policies, budgets and the
            allowed models of a provider. Who fails one is listed with the reason. What nobody knows of a
            model passes a requirement only where nothing that is known does.

            The strategy ranks the rest. `score`, the usual one, adds up points: speed counts for a simple
            prompt, quality for a complex one, cost against it, your own machines for you; who rests after
            failures or cannot be reached loses more than all of that together. `value` takes the cheapest
            that is good enough for the prompt; `priority`, `cost`, `latency` and `round_robin` do what their
            names say. Among equals a model that is loaded already wins.

            A prompt is simple, moderate or complex by its own words: what is piped in beside it counts for
            the size only. `--hint` moves points and requires nothing.
            """,
        ),
        (
            "DECISIONS",
            """
            `llmpool chat` records each decision: the features of the request, the candidates with their
            points, who was left out and why; never the text. `--last` and `--id` show one, `--replay` decides
            it again as things are today, and `llmpool policy simulate` does so with all of them.

            `--batch` reads one JSON object a line: `query`, and optionally `context_size`, `needs_tools`,
            `needs_streaming`, `needs_images`, `tool_count`, `priority` and `hints`. It prints a decision for
            each, or `line` and `error`; the exit code is 2 when a line could not be read.
            """,
        ),
    ),
    files={"~/.local/state/llmpool/decisions/*.jsonl": "The recorded decisions, a file for each day (UTC)."},
)

_MODELS = Words(
    see=("llmpool-route", "llmpool-providers", "llmpool-refresh"),
    exits=ASKING,
    about="""
    A deployment is a model at a provider; its id is `provider/model`. Where a command takes a REF, that id
    will do, an alias, a name that only one deployment has, or one that lacks no more than `:latest`.

    What is known of a deployment comes from several places, and the first that knows counts: what you
    declared, what its provider reported, what came with llmpool, and what its name suggests. `show` says
    which it was. A provider that did not answer keeps its last models, marked stale; after `stale_after` they
    are no longer chosen.
    """,
    files={
        "~/.local/state/llmpool/inventory.json": "What the providers reported.",
        "~/.local/state/llmpool/embedded/": "Models that run inside llmpool, and their server.",
    },
)

_PROVIDERS = Words(
    see=("llmpool-models", "llmpool-refresh", "llmpool-doctor"),
    exits=ASKING,
    about="""
    A provider is one endpoint with its keys. A preset is what llmpool knows of a vendor: address, format,
    key variable; an id that is the name of a preset needs nothing but a key. The format of any other is found
    out by asking, and remembered.
    """,
    sections=(
        (
            "KEYS",
            """
            The config never has a key, only the place it is at: a variable, a command that prints it, the
            keyring of the system, or `secrets.json`. A preset's own variable counts where no key is
            configured. With several keys `key_rotation` says which goes first; one that is refused or used up
            rests for an hour, and the next one takes over at once.

            Wherever a key is given, it comes from stdin, a file or a question on the terminal, for what is on
            a command line every program on the machine can read. No key is ever printed, but by
            `providers env`, whose purpose it is; lists show a mask.
            """,
        ),
        (
            "LOCAL AND CLOUD",
            """
            Local is a server of Ollama, LM Studio, llama.cpp, vLLM, Jan or llmpool itself at an address of
            this machine or of a private network, and what says `location = "local"`. All else is cloud, and
            so is a model that a local server passes on to another one. `--local-only` goes by that.
            """,
        ),
    ),
    files={
        "~/.config/llmpool/config.toml": "The providers; see `llmpool.toml`(5).",
        "~/.config/llmpool/secrets.json": "Keys that are in no keyring; of mode 0600.",
    },
)

_USAGE = Words(
    see=("llmpool-policy", "llmpool-route"),
    exits=(*NAMED, Exit.REFUSED, Exit.PARTLY, *KEPT),
    about="""
    Every call leaves one record: who answered, tokens, time, cost; never the text. Amounts are USD. A call
    without a known price costs neither nothing nor a guess: it has no cost, and each total says how many
    such calls it leaves out. Counts that the server did not report are marked as estimated. What runs on
    your own machines costs 0.
    """,
    sections=(
        (
            "PRICES",
            """
            The first that fits counts: your price of the deployment, of the model, of a pattern; then the
            price book, which comes with llmpool and is kept fresh by `prices update`; then what the provider
            itself lists; then what the maker of the model asks, or for one like it; at last your price for
            all that has none. `prices show` says which it was. A price is in force from a day on, and older
            calls keep what they cost.
            """,
        ),
    ),
    files={
        "~/.local/state/llmpool/usage/*.jsonl": "The records, a file for each day (UTC).",
        "~/.local/state/llmpool/usage/rollup/": "What the days add up to; it outlives the records.",
        "~/.local/state/llmpool/prices.json": "The prices that you set.",
        "~/.local/state/llmpool/price-book.json": "The price book that `prices update` has fetched.",
    },
)

_POLICY = Words(
    see=("llmpool-usage", "llmpool-route", "llmpool-config"),
    exits=(*NAMED, *KEPT),
    about="""
    A policy is a word about a provider or a deployment, kept beside the config: `inactive` takes it out of
    use, `--no-routable` leaves it to those who ask for it by name, `flagged` is a label. What is said nothing
    about stays as the config has it.
    """,
    sections=(
        (
            "BUDGETS",
            """
            A budget is kept by all processes together. Before a call its worst case is reserved: what the
            prompt and the longest allowed answer cost. Afterwards the true cost takes its place. So calls
            side by side never overdraw it, and under a budget each call is sent with a `max_tokens`: yours,
            else 4096, or less where the budget affords less. A reservation that nobody settles ends after ten
            minutes.

            At the limit `--on-exceed` decides: `deny` refuses what costs something (8), `local` lets your
            own machines answer, `warn` only says so. What costs nothing is never refused. Calls of unknown
            price are refused under a budget, unless `--unpriced allow` says otherwise.
            """,
        ),
        (
            "GROUPS",
            """
            A group names providers and models: its members are those models at those providers, and a list
            that is not there means all. `--group NAME` binds a request to it, fallbacks included.
            """,
        ),
    ),
    files={
        "~/.local/state/llmpool/policy.json": "The policies.",
        "~/.local/state/llmpool/budgets.json": "What is reserved and spent.",
        "~/.config/llmpool/config.toml": "Budgets and groups; see `llmpool.toml`(5).",
    },
)

_REFRESH = Words(
    see=("llmpool-models", "llmpool-providers", "llmpool-doctor"),
    exits=(*NAMED, Exit.NOTHING_ELIGIBLE, Exit.REFUSED, Exit.PARTLY, *KEPT, Exit.INTERRUPTED),
    about="""
    Providers that are disabled or inactive are left out unless they are named; one without its key is
    reported and is no failure. All are asked side by side, and a slow one delays no other's result. A
    provider that answers is forgiven: its cooldowns end.
    """,
    files={"~/.local/state/llmpool/inventory.json": "What the providers reported."},
)

_DOCTOR = Words(
    see=("llmpool-config", "llmpool-providers", "llmpool-refresh"),
    exits=(Exit.OK, Exit.USAGE, Exit.PARTLY),
    about="""
    A finding is an error (something does not work), a warning (it will not, or is dangerous) or a note. In a
    pipe it is a line of five columns with tabs between them: severity, area, what it is about, the fact, and
    the command; `--json` names the fields.
    """,
)

_CONFIG = Words(
    see=("llmpool-providers", "llmpool-policy", "llmpool-init"),
    exits=(*NAMED, *KEPT),
    about="""
    The file is yours: what commands change in it leaves comments and layout as they are, and nothing is
    written that would not load. `llmpool.toml`(5) describes every key.
    """,
    sections=(
        (
            "IN AN EDITOR",
            """
            `llmpool config path --schema` prints the path of a JSON schema of the file. An editor that knows
            it completes keys, shows what they mean and underlines mistakes. With Even Better TOML, taplo or
            tombi the first line of the file names it:

            `#:schema /the/path/it/printed/llmpool.schema.json`
            """,
        ),
    ),
    files={
        "~/.config/llmpool/config.toml": "The config.",
        "~/.config/llmpool/secrets.json": "Keys that are in no keyring; of mode 0600.",
    },
)

_COMPLETION = Words(
    see=("llmpool-config",),
    exits=ALWAYS,
    about="""
    Commands and options complete, and so do the names of providers, deployments, aliases, groups, profiles,
    sessions and decisions, from what is on this machine: no network. A package that was installed with pip
    has put the scripts for bash, zsh and fish below `share` already, where the shells of that environment
    find them.
    """,
)

PAGES = {
    "llmpool-init": _INIT,
    "llmpool-chat": _CHAT,
    "llmpool-route": _ROUTE,
    "llmpool-models": _MODELS,
    "llmpool-providers": _PROVIDERS,
    "llmpool-usage": _USAGE,
    "llmpool-policy": _POLICY,
    "llmpool-refresh": _REFRESH,
    "llmpool-doctor": _DOCTOR,
    "llmpool-config": _CONFIG,
    "llmpool-completion": _COMPLETION,
}
