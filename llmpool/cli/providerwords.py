"""What each key of a provider means, and those of keys, logins and trials: for the man page and editors."""

from __future__ import annotations

from llmpool.cli.keywords import NONE, OBSERVED, OF_ROUTING, Key, Table

_PRESETS = "that of the preset"
_DURATIONS = {
    "connect_timeout": Key("How long connecting may take, TCP and TLS.", '"3s"', OF_ROUTING),
    "first_token_timeout": Key("How long the first token may take.", '"60s"', OF_ROUTING),
    "read_timeout": Key("How long the pause between two pieces of an answer may be.", '"120s"', OF_ROUTING),
}

PROVIDER = Table(
    "An endpoint with its keys. ID is letters, digits, `_` and `-`, a letter or digit first. An id that is "
    "the name of a preset (`llmpool providers presets`) needs nothing but a key; all else has a "
    "`preset` or a `url`.",
    {
        "name": Key("How it is shown to you.", '"My gateway"', "its id"),
        "preset": Key("The known vendor or program that it is.", '"ollama"', "the id, where that is one"),
        "format": Key("The protocol it speaks.", '"openai"', "found out by asking, and remembered"),
        "format_mode": Key(
            "Whether other formats are tried where this one is not understood; `pinned` tries none.",
            '"pinned"',
            "`auto`, or `pinned` at the preset's own address",
        ),
        "url": Key(
            "Its base URL, up to where the paths of its format begin; no user name, no password, no query.",
            '"https://gateway.example/v1"',
            _PRESETS,
        ),
        "alternate_urls": Key(
            "Other addresses of the same server, tried when the first does not answer.",
            '["https://gateway-2.example/v1"]',
            _PRESETS,
        ),
        "location": Key(
            "Whether it counts as your own machine or as the cloud.",
            '"local"',
            "local for local programs at a private address",
        ),
        "enabled": Key("With `false` it is neither asked nor listed nor chosen.", "true"),
        "optional": Key("With `true` its absence never makes `llmpool refresh` end with 9.", "false"),
        "priority": Key(
            "With the strategy `priority` the higher goes first.", "60", "the preset's; without a preset 50"
        ),
        "key": Key("Where its one key comes from; see KEYS below.", '{ env = "WORK_KEY" }', _PRESETS),
        "keys": Key(
            "Where its keys come from, if it has several; `key` and `keys` exclude each other.",
            '[ { label = "a", env = "WORK_A" }, { label = "b", keyring = true } ]',
        ),
        "key_rotation": Key("Which of several keys goes first.", '"least_used"'),
        "auth": Key(
            "How its key is sent, where that is not its format's own way.",
            '"x-api-key"',
            "as its format does",
        ),
        "headers": Key(
            'Headers that every call gets. What is secret comes from a variable: `{ env = "NAME" }`.',
            '{ X-Team = "search", X-Token = { env = "WORK_TOKEN" } }',
        ),
        "rate_limit": Key(
            "Limits that all processes keep together; see RATE LIMITS below.", "{ rpm = 60, tpm = 90000 }"
        ),
        "params": Key(
            "Parameters of the calls that do not set them; see PARAMETERS below.", "{ temperature = 0.2 }"
        ),
        "allowed_models": Key(
            "Names or patterns of the models that may be used; an empty list allows all.",
            '["gpt-5*", "text-embedding-3-small"]',
        ),
        "api_version": Key("The version of its API to ask for.", '"2023-06-01"', _PRESETS),
        "metadata": Key(
            "Where the list of its models comes from: asked for (`dynamic`), or from the catalog alone, "
            "without the network.",
            '"catalog"',
            "the preset's, else `dynamic`",
        ),
        "verify_tls": Key("With `false` any certificate will do. That lets others listen in.", "true"),
        "timeout": Key(
            "To the first token and between two pieces, where no finer key says otherwise.", '"60s"', NONE
        ),
        **_DURATIONS,
        "total_timeout": Key("How long a whole call may take.", '"5m"', NONE),
        "project": Key("The project that a Cloud Code call is made for.", '"my-project"', NONE),
        "idle_ttl": Key(
            "How long a model stays in memory after its last use: Ollama, LM Studio, embedded.",
            '"10m"',
            "the server's own; embedded: 5m",
        ),
        "prune": Key("Whether `llmpool refresh --remove-undeclared` may delete models here.", "false"),
        "supports_tools": Key("Whether its models take tools.", "true", OBSERVED),
        "supports_streaming": Key("Whether its models stream.", "true", OBSERVED),
        "supports_images": Key("Whether its models see images.", "true", OBSERVED),
    },
    '[providers.openai]\nkey = { env = "OPENAI_API_KEY" }\n\n'
    '[providers.den]\npreset = "ollama"\nurl = "http://den.lan:11434"\noptional = true',
)

KEY = Table(
    'A key itself is refused in this file. A table such as `{ env = "NAME" }` says where it is, with exactly '
    "one of `env`, `command`, `keyring` and `file`.",
    {
        "env": Key("The variable that has it.", '"WORK_KEY"'),
        "command": Key(
            "A program and its words; the first line it prints within 10 s is the key.",
            '["pass", "show", "work/key"]',
        ),
        "keyring": Key(
            "It is in the keyring of the system; `llmpool providers keys add` puts it there.", "true"
        ),
        "file": Key("It is in `secrets.json` beside this file.", "true"),
        "label": Key("What to call it.", '"a"', "`default`, or its place among `keys`"),
        "enabled": Key("With `false` it is kept and never used.", "true"),
    },
)

RATE_LIMIT = Table(
    "The last minute and the day count; whoever would go beyond waits, or another deployment answers.",
    {
        "rpm": Key("Requests a minute.", "60", NONE),
        "tpm": Key("Tokens a minute.", "90000", NONE),
        "rpd": Key("Requests a day.", "1000", NONE),
        "tpd": Key("Tokens a day.", "2000000", NONE),
        "reset_tz": Key("The time zone in which a day ends.", '"America/Los_Angeles"'),
    },
)

PARAMS = Table(
    "What a call does not say itself.",
    {
        "temperature": Key("How varied the answers are.", "0.2", "the model's"),
        "top_p": Key("From how much of the likely words one is drawn.", "0.9", "the model's"),
        "frequency_penalty": Key(
            "How much a word is avoided for each time it was said; where the format has it.",
            "0.5",
            "the model's",
        ),
        "presence_penalty": Key(
            "How much a word is avoided once it was said; where the format has it.", "0.5", "the model's"
        ),
        "max_tokens": Key("The longest answer, in tokens.", "2048", "the model's"),
        "thinking": Key(
            "How much a model thinks before it answers: `off`, `low`, `medium`, `high` or tokens.",
            '"low"',
            "`off`",
        ),
    },
)

OAUTH = Table(
    "Your own OAuth client, for `llmpool providers login`; none comes with llmpool. TYPE is `antigravity`, "
    "`gemini-cli`, `copilot` or `codex`. Experimental.",
    {
        "client_id": Key("The id of your client, or where it is found.", '{ env = "MY_CLIENT_ID" }', NONE),
        "client_secret": Key("Where its secret comes from; see KEYS below.", '{ env = "MY_SECRET" }', NONE),
        "scopes": Key("What to ask for.", '["read:user"]', "those of the type"),
        "headers": Key("Headers that name your client.", '{ Editor-Version = "mine/1.0" }'),
        "redirect_port": Key("The port to which the browser comes back.", "8085", "that of the type"),
        **{
            f"{name}_url": Key(told, f'"https://sso.example/{name}"', "that of the type")
            for name, told in {
                "authorize": "Where the browser is sent.",
                "token": "Where tokens are issued.",
                "device": "Where device codes are issued.",
                "userinfo": "Where it is asked who logged in.",
                "api": "Where the calls go.",
            }.items()
        },
    },
    '[oauth.copilot]\nclient_id = { env = "MY_COPILOT_CLIENT_ID" }',
)

TRIAL = Table(
    "Who may sign the licence of a trial; no such key is built in.",
    {
        "keys": Key(
            "Names and Ed25519 public keys, 32 bytes in base64.",
            '{ t1 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }',
        )
    },
)
