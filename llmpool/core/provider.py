"""Providers: configured endpoints, the presets they start from, and where their keys come from."""

from __future__ import annotations

from llmpool.core.record import Record

AUTHS = ("bearer", "x-api-key")  # how a key is sent, where that is not its format's own way
FORMATS = ("openai", "responses", "anthropic", "google", "ollama", "lmstudio", "cloudcode", "copilot")


class Preset(Record):
    """A row about a known vendor; *auth* is how its key is sent, where that is not its format's own way."""

    id: str
    name: str
    format: str
    url: str = ""
    location: str = "cloud"
    env: tuple[str, ...] = ()
    url_env: tuple[str, ...] = ()
    needs_key: bool = True
    key_page: str = ""
    website: str = ""
    priority: int = 20
    metadata: str = "dynamic"
    api_version: str = ""
    alternate_urls: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    type: str = "builtin"
    oauth: str = ""
    beta: bool = False
    port: int = 0
    max_tokens_field: str = "max_tokens"
    auth: str = ""


class KeyRef(Record):
    """Where one key of a provider comes from; never the key itself.

    *source* is `env`, `command`, `keyring` or `file`; `account` is an OAuth login, which no config names.
    """

    label: str
    source: str
    env: str = ""
    command: tuple[str, ...] = ()
    enabled: bool = True


class RateLimit(Record):
    """A provider's or a deployment's limits; None means no limit of that kind."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None
    reset_tz: str = "UTC"


class Params(Record):
    """Request parameters a provider's owner sets for every call that does not set them."""

    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: int | None = None
    thinking: str | None = None


class Provider(Record):
    """One endpoint with everything a call needs but the secret. Times are seconds.

    *format* is empty until detected; *format_mode* is auto or pinned where the owner said so, else empty
    (`formats.plan` knows what that means); *exact* says that the URL is the preset's. *timeout* bounds the
    first token and each read where nothing finer is given. *header_env* has the headers whose values are in
    variables: a header and a variable each. *oauth* is the type of login that serves where it has no keys.
    """

    id: str
    name: str
    preset: str
    format: str
    format_mode: str
    url: str
    location: str
    alternate_urls: tuple[str, ...] = ()
    enabled: bool = True
    optional: bool = False
    priority: int = 20
    keys: tuple[KeyRef, ...] = ()
    key_rotation: str = "first"
    needs_key: bool = False
    key_env: tuple[str, ...] = ()
    key_page: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    header_env: tuple[tuple[str, str], ...] = ()
    rate_limit: RateLimit | None = None
    params: Params = Params()
    allowed_models: tuple[str, ...] = ()
    api_version: str = ""
    metadata: str = "dynamic"
    verify_tls: bool = True
    timeout: float | None = None
    connect_timeout: float | None = None
    first_token_timeout: float | None = None
    read_timeout: float | None = None
    total_timeout: float | None = None
    idle_ttl: float | None = None
    prune: bool = False
    exact: bool = False
    auth: str = ""
    project: str = ""
    max_tokens_field: str = "max_tokens"
    supports_tools: bool | None = None
    supports_streaming: bool | None = None
    supports_images: bool | None = None
    oauth: str = ""
