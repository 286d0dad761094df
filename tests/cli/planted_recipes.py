"""How every command is run in the planted home: a command that has no recipe here fails the walk."""

from __future__ import annotations

from typing import NamedTuple

from tests.cli.planted_home import KEYS

TYPED = KEYS["typed"]  # a slip: it is refused, and not repeated


class Run(NamedTuple):
    """One run of a command: what follows its name, what is piped in, and the secrets it was asked to show."""

    rest: tuple[str, ...] = ()
    stdin: str | None = None
    shows: tuple[str, ...] = ()


def run(line: str = "", stdin: str | None = None, *shows: str) -> Run:
    """Write a run; a word of the line is a word of the command."""
    return Run(tuple(line.split()), stdin, shows)


_EXPORT = "out.llmpool"
_SEALED = "--passphrase-file pass.txt"
_CHAT = "--max-wait 0 --no-stdin"
RECIPES: dict[str, tuple[Run, ...]] = {  # in the order to run them: what takes away comes last
    "refresh": (run(), run("sky gate --catalog --accounts"), run("--pull -y"), run("--prices")),
    "providers login": (run("github-copilot --device --keep file --plaintext"), run("codex --no-browser")),
    "chat": (
        run(f"{_CHAT} -m sky/m hi"),
        run(f"{_CHAT} -m tool/m --session s --tag t hi"),
        run(f"{_CHAT} -m vault/m --no-stream --stats hi"),
        run(f"{_CHAT} -m gate/m --force hi"),
        run(f"{_CHAT} -m github-copilot/m --force hi"),
        run(f"{_CHAT} -m far/m --force hi"),
        run(f"{_CHAT} --dry-run hi"),
        run(f"{_CHAT} -m {TYPED} hi"),
        run("--list"),
        run("--show s"),
        run("--delete s"),
    ),
    "route": (run("--no-stdin hi"), run("--no-stdin --all --record hi"), run("--last")),
    "models list": (run(), run("--registry"), run("sky")),
    "models show": (run("sky/m"), run(f"sky/{TYPED}")),
    "models set": (run("sky/n --quality 3"),),
    "models pull": (run("den/b"), run("--list")),
    "models load": (run("den/a:1 --context 2k"),),
    "models unload": (run("den/a:1"),),
    "models ps": (run("den --timeout 2s"),),
    "models probe": (run("sky --model sky/m -y --timeout 3s"),),
    "models remove": (run("den/b -y"),),
    "providers list": (run(),),
    "providers show": (run("sky"), run("tool"), run("vault"), run("gate"), run("github-copilot"), run(TYPED)),
    "providers presets": (run("open"),),
    "providers verify": (
        run("sky"),
        run("tool"),
        run("vault --key b"),
        run("gate"),
        run("far"),
        run(f"sky --key {TYPED}"),
        run(f"sky --key-env {TYPED}"),
    ),
    "providers limits": (run("sky --refresh"), run("github-copilot --refresh"), run()),
    "providers set": (
        run("sky --priority 3"),
        run("gate --header-env X-Key=GATE"),
        run("tool --key-stdin --keep file --plaintext --dry-run", KEYS["piped"]),
        run(f"sky --key-env {TYPED}"),
        run(f"sky --header X-Key={TYPED}"),
    ),
    "providers disable": (run("far"),),
    "providers enable": (run("far"),),
    "providers env": (
        run("sky", None, "variable"),
        run("tool --for aider --shell fish --reveal", None, "command"),
        run("github-copilot", None, "exchanged token"),
        run("gate", None, "header"),
    ),
    "providers dedupe": (run("-n"),),
    "providers keys list": (run(), run("vault"), run(TYPED)),
    "providers keys add": (
        run("sky --label piped --key-stdin --keep file --plaintext", KEYS["piped"]),
        run("sky --label filed --key-file key.txt --keep keyring"),
        run("sky --label again --key-stdin", KEYS["piped"] + "\n"),
        run("sky --label two --key-stdin", f"{KEYS['piped']} {KEYS['piped']}"),
        run(f"sky {TYPED}"),
        run(f"sky --env {TYPED}"),
        run(f"sky --label {TYPED} --key-stdin", KEYS["piped"]),
        run(f"sky --command {TYPED}"),
        run(f"sky --key-file {TYPED}"),
        run("sky --label of-a-command --command sh"),
    ),
    "providers keys replace": (
        run("vault b --key-file key.txt --no-verify --keep file --plaintext"),
        run("vault a --key-stdin", KEYS["piped"]),
        run(f"vault a {TYPED}"),
    ),
    "providers keys disable": (run("vault b"),),
    "providers keys enable": (run("vault b"), run(f"vault {TYPED}")),
    "providers add": (
        run("anthropic --key-file key.txt --keep file --plaintext"),
        run("mine --url http://127.0.0.1:9/v1 --key-stdin --keep keyring", KEYS["piped"]),
        run(f"http://someone:{KEYS['address']}@127.0.0.1:9/v1"),
        run(f"{TYPED} --url http://127.0.0.1:9/v1"),
        run(f"groq --key-env {TYPED}"),
        run(f"groq {TYPED}"),
    ),
    "providers import": (
        run(),
        run("all --dry-run"),
        run("all --yes --keep file --plaintext --logins"),
        run("dotenv --yes --keep keyring"),
        run("codex --proxy --yes"),
        run("cc-switch --yes --keep file --plaintext", f"ANTHROPIC_AUTH_TOKEN={KEYS['cc-switch']}\n"),
        run("zimaos zima --yes --keep file --plaintext"),
        run("gopherclaw zima --dry-run"),
        run("thane zima --dry-run"),
        run(TYPED),
    ),
    "providers keys encrypt": (run(),),
    "providers trial install": (run("trial.txt --plaintext"), run(TYPED), run("key.txt --plaintext")),
    "providers trial status": (run(),),
    "init": (run("--yes --no-embedded"), run(f"--yes --from {_EXPORT} --passphrase-file pass.txt")),
    "config export": (run(), run(f"{_EXPORT} --keys {_SEALED} --yes"), run(f"-o no/where --keys {_SEALED}")),
    "config show": (run(),),
    "config path": (run(),),
    "config check": (run(),),
    "config get": (run("providers.gate.headers"), run("oauth.copilot"), run("providers.vault.keys")),
    "config set": (
        run("routing.mode auto"),
        run(f"providers.sky.key {TYPED}"),
        run(f"providers.sky.headers X-Api-Key={TYPED}"),
        run(f"providers.sky.url https://u:{KEYS['address']}@h.example/v1"),
        run(f"oauth.copilot.client_secret {TYPED}"),
    ),
    "config unset": (run("routing.mode"),),
    "config edit": (run(),),
    "usage summary": (run("--by key"),),
    "usage list": (run(),),
    "usage decisions": (run(),),
    "usage reprice": (run(),),
    "usage export": (run("--format jsonl"), run("-o usage.csv --force")),
    "usage import": (run("usage.csv"), run(".env")),
    "usage prune": (run("--keep 1d --dry-run"),),
    "usage prices list": (run(),),
    "usage prices show": (run("sky/m"),),
    "usage prices set": (run("sky/m --input 1 --output 2"),),
    "usage prices unset": (run("sky/m -y"),),
    "usage prices update": (run(),),
    "policy show": (run(), run("sky")),
    "policy set": (run("sky --state flagged --reason why -y"),),
    "policy clear": (run("sky -y"),),
    "policy export": (run(),),
    "policy apply": (run("- --dry-run -y", '{"policies": []}'), run("key.txt -y")),
    "policy simulate": (run("--set routing.mode=local"), run()),
    "policy budget list": (run(),),
    "policy budget set": (run("5/day --scope sky:default"),),
    "policy budget clear": (run("daily -y"),),
    "policy group list": (run(),),
    "policy group set": (run("h --provider sky"),),
    "policy group remove": (run("h -y"),),
    "doctor": (run(), run("--cron")),
    "completion": (run("bash"),),
    "providers clear": (run("--all"),),
    "providers trial remove": (run("-y"),),
    "providers keys remove": (run("vault b -y"), run(f"vault {TYPED} -y")),
    "providers logout": (run("github-copilot"),),
    "providers remove": (run("vault -y"), run("sky -y")),
}
