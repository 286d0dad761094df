"""What the files of the state directory are for, as the man page of section 5 tells it."""

from __future__ import annotations

DECIDED = {
    "policy.json": "What `llmpool policy set` decided.",
    "budgets.json": "What budgets have reserved and spent.",
    "accounts.json": "Who is logged in where; the tokens are in the keyring or in `secrets.json`.",
    "trial.json": "What is used of a trial.",
}
OBSERVED = {
    "inventory.json": "What each provider reported last, its errors included. `llmpool refresh` writes it.",
    "health.json": "Who rests after failures, latencies, and how calls went lately.",
    "formats.json": "Which format, which address and which parameters each provider understood.",
    "limits.json": "Rate limits as the headers of the last answers told them.",
    "account-status.json": "Balances and credits as vendors told them.",
    "account-quotas.json": "Tiers and quotas of logins.",
    "tokens.json": "Tokens that live less than an hour.",
    "prices.json": "The prices that you set.",
    "keys.json": "How often each key was used, and digests of keys; never a key.",
    "catalog.json": "The catalog that `llmpool refresh --catalog` has fetched.",
    "price-book.json": "The price book that `llmpool usage prices update` has fetched.",
    "history.json": "What was typed in interactive sessions, for the arrow keys; never what a blank hides.",
    "downloads.json": "Pulls that run, and those that were interrupted.",
    "rates/PROVIDER.json": "What was sent to a provider lately, and who waits for its limits.",
}
RECORDED = {
    "usage/YYYY-MM-DD.jsonl": "One line for each call; days are UTC.",
    "usage/rollup/": "What the days add up to; it outlives them.",
    "decisions/YYYY-MM-DD.jsonl": "The decisions, and how they ended; never a prompt.",
    "sessions/NAME.jsonl": "A conversation. Answers are kept nowhere else, prompts in history.json only.",
}
COMPILED = {
    "registry.json, routing.json, costs.json": "All of the above, so that a run starts quickly.",
    "model-ids.txt": "The names that completion offers.",
}
KEPT = {
    "embedded/": "Models that run inside llmpool, and the server that runs them.",
    "moves/": "What `llmpool providers import` needs to undo a move.",
    "*.lock": "Locks, one for each file that is changed; they stay, and hold nothing.",
}
GROUPS = (
    ("What was decided, and money. A corrupt file ends the run with 10, rather than to forget it:", DECIDED),
    (
        "What was observed. A corrupt file is set aside as `NAME.corrupt-TIME`, and the run goes on:",
        OBSERVED,
    ),
    ("What was recorded. Lines that cannot be read are skipped and counted:", RECORDED),
    ("What is compiled, and may be deleted at any time:", COMPILED),
    ("Others:", KEPT),
)

ABOUT = """
Everything the program observes, counts or is told at run time is in one directory, apart from what you
declare. All files are of mode 0600 and the directories of mode 0700. They are JSON in an envelope
(`version`, `written_at`, `data`), or JSONL with a record a line. Several processes may use them at once,
which takes working locks: the directory has to be on a local disk. A file of a newer version is refused
(10), not downgraded.
"""
SECRETS = """
`secrets.json` lies beside the config, mode 0600: keys that no keyring holds, by provider and label, and the
tokens of logins. With a state key (`LLMPOOL_STATE_KEY`, a file, or the keyring; `llmpool providers keys
encrypt`) they are encrypted with AES-256-GCM; without one they stand there as they are, which `--plaintext`
has allowed, and the mode protects them from other users of the machine only.
"""
