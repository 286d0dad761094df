"""How to let cron or systemd refresh: the examples that the page of `refresh` shows."""

from __future__ import annotations

CRONTAB = "7 * * * *  $HOME/.local/bin/llmpool refresh --if-stale 5h --jitter 10m --quiet"

SERVICE = """\
[Unit]
Description=Ask the providers of llmpool what they have

[Service]
Type=oneshot
ExecStart=%h/.local/bin/llmpool refresh --if-stale 5h --quiet
EnvironmentFile=-%h/.config/llmpool/keys.env
SuccessExitStatus=75
TimeoutStartSec=15min
"""

TIMER = """\
[Unit]
Description=Keep llmpool's view of its providers fresh

[Timer]
OnCalendar=hourly
RandomizedDelaySec=10min
Persistent=true

[Install]
WantedBy=timers.target
"""

IN_CRON = """
A line for `crontab -e`. It asks each provider every five hours, sooner again one that failed, and is silent
until something changes, so that cron sends mail only then:
"""

IN_SYSTEMD = """
For systemd write these two into `~/.config/systemd/user/`, then run
`systemctl --user enable --now llmpool-refresh.timer`. The file `llmpool-refresh.service`:
"""

THE_TIMER = "The file `llmpool-refresh.timer`:"

ABOUT_IT = """
Neither has a terminal or a keyring, and PATH is short: `llmpool` is named with its whole path, and keys come
from variables (lines such as `OPENAI_API_KEY=...` in `keys.env`, a file of mode 0600), from `secrets.json` or
from a command with its whole path. `llmpool doctor --cron` says which keys would not be found there, and
prints the line for this machine.

The exit code is 9 when a provider failed, for which the unit counts as failed; one with `optional = true`
may be away. It is 75 when another refresh of the whole pool is at it: that one does the work, so it counts as
success. Ctrl-C and `kill` keep what was heard until then; `kill -9` leaves nothing behind that keeps the next
one out.
"""
