"""`providers verify`: what a person and a script learn of an address, and what is written on their word."""

from __future__ import annotations

from tests.edges.speaking import Asked, Says, Speaking
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, closed_port, finish

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
LISTING = (200, {"data": [{"id": "m"}]})
FINE = (200, {"id": "x"})
NO = (401, {"error": {"message": "Incorrect API key provided"}})
LEGACY = (400, {"error": {"message": "unsupported legacy protocol, use /v1/responses"}})
GATEWAY: dict[str, Says] = {"/v1/models": LISTING, CHAT: FINE}
FIELDS = {
    "url", "key", "model", "ready", "key_refused", "detected_format", "recommended_format", "recommended_url",
    "candidate_formats", "resolution_source", "responses_only", "chat_error", "responses_status", "probes",
    "capability_profile", "applied", "changes",
}  # fmt: skip


def written(home: Home, url: str, more: str = "") -> None:
    """Write a config with one provider whose format is not said."""
    home.write_config(f'[providers.work] # mine\nurl = "{url}"\n{more}')


def test_every_endpoint_has_a_line(home: Home) -> None:
    """Piped: name, path and answer by tabs, then what follows from them; what --apply would do is said."""
    with Speaking(GATEWAY) as server:
        written(home, server.url)
        result = home.here("providers", "verify", "work")
    assert result.code == 0
    assert result.out.splitlines() == [
        "models\t/v1/models\t200",
        "chat\t/v1/chat/completions\t200",
        "responses\t/v1/responses\t404 not here",
        "responses, no /v1\t/responses\t404 not here",
        "messages\t/v1/messages\t404 not here",
        f"recommended: format openai at {server.url}",
        "no key needed",
    ]
    assert '--apply would set format = "openai", format_mode = "auto"' in result.err
    assert "format" not in home.config.read_text()


def test_a_good_status_is_not_taken_for_an_answer(home: Home) -> None:
    """A page and an error say so behind their 200."""
    odd = (200, {"code": 1004, "message": "login fail"})
    with Speaking({"/v1/models": (200, "<html>"), CHAT: odd, "/v1/responses": FINE}) as server:
        written(home, server.url)
        lines = home.here("providers", "verify", "work").out.splitlines()
    assert lines[0] == "models\t/v1/models\t200 answered HTML"
    assert lines[1] == f"chat\t{CHAT}\t200 login fail"


def test_apply_writes_what_is_recommended(home: Home) -> None:
    """The config is edited in place and says so; the second time there is nothing to do."""
    with Speaking({"/v1/models": LISTING, CHAT: LEGACY, "/v1/responses": FINE}) as server:
        written(home, f"{server.url}/v1/responses")
        result = home.here("providers", "verify", "work", "--apply")
        assert "recommended: format responses" in result.out
        assert f'work: format = "responses", format_mode = "auto", url = "{server.url}"' in result.err
        assert "nothing to change" in home.here("providers", "verify", "work", "--apply").err
    text = home.config.read_text()
    assert text.startswith("[providers.work] # mine\n")
    assert f'url = "{server.url}"\n' in text
    assert 'format = "responses"\n' in text
    assert (home.state / "formats.json").exists()


def test_the_document(home: Home) -> None:
    """One document on stdout, with all its fields."""
    with Speaking(GATEWAY) as server:
        written(home, server.url)
        result = home.here("providers", "verify", "work", "--json")
        applied = home.here("providers", "verify", "work", "--json", "--apply").json["verification"]
    shown = result.json["verification"]
    assert set(shown) == FIELDS
    assert (shown["ready"], shown["model"], shown["recommended_format"]) == (True, "m", "openai")
    assert (shown["applied"], applied["applied"]) == (False, True)
    assert shown["changes"] == applied["changes"] == [
        {"key": "format", "before": "", "after": "openai"},
        {"key": "format_mode", "before": "", "after": "auto"},
    ]  # fmt: skip
    assert shown["probes"]["responses_v1"]["status"] == 404


def test_a_refused_key_ends_with_5(home: Home) -> None:
    """When all that answers refuses the key; the line names where the key came from, never the key."""
    with Speaking({"/v1/models": NO, CHAT: NO}) as server:
        written(home, server.url, 'key = { env = "WORK_KEY" }\n')
        result = home.here("providers", "verify", "work", env={"WORK_KEY": PLANTED_KEY})
        assert result.code == 5
        assert "chat\t/v1/chat/completions\t401 key refused" in result.out
        assert 'the key "default" is refused' in result.err
        assert "llmpool providers keys replace work default" in result.err
        assert "recommended" not in result.out
        assert "--apply" not in result.err
        assert not result.shows(PLANTED_KEY)
        assert home.here("providers", "verify", "work", "--json", env={"WORK_KEY": "x"}).code == 5
    assert home.files_with(PLANTED_KEY) == []


def test_a_gateway_that_wants_a_token_is_told(home: Home) -> None:
    """Where Anthropic's header is refused, the other way to send a key is named; once set, it is used."""

    def asked(it: Asked) -> tuple[int, object]:
        return FINE if it.headers.get("authorization") == f"Bearer {PLANTED_KEY}" else NO

    env = {"T": PLANTED_KEY}
    with Speaking({"/v1/models": LISTING, MESSAGES: asked}) as server:
        written(home, server.url, 'format = "anthropic"\nkey = { env = "T" }\n')
        refused = home.here("providers", "verify", "work", env=env)
        assert "llmpool providers set work --auth bearer" in refused.err
        assert home.here("providers", "set", "work", "--auth", "bearer").code == 0
        works = home.here("providers", "verify", "work", env=env)
    assert (works.code, 'key OK: "default"' in works.out, "--auth" in works.err) == (0, True, False)
    assert home.here("providers", "show", "work", "--json").json["provider"]["auth"] == "bearer"


def test_the_next_key_is_tried(home: Home) -> None:
    """A refused key is followed by the next one; the document says which one worked."""

    def chat(asked: Asked) -> tuple[int, object]:
        return FINE if asked.headers.get("authorization") == "Bearer good" else NO

    keys = 'keys = [{ label = "one", env = "A" }, { label = "two", env = "B" }]\n'
    with Speaking({"/v1/models": NO, CHAT: chat}) as server:
        written(home, server.url, keys)
        result = home.here("providers", "verify", "work", "--json", env={"A": "bad", "B": "good"})
    assert (result.code, result.json["verification"]["key"]) == (0, "two")


def test_nothing_answers_ends_with_7(home: Home) -> None:
    """One line with the reason, exit 7, and --apply changes nothing."""
    written(home, f"http://127.0.0.1:{closed_port()}")
    before = home.config.read_text()
    result = home.here("providers", "verify", "work", "--apply")
    assert result.code == 7
    assert result.out == "models\t/v1/models\tconnection refused\n"
    assert home.config.read_text() == before


def test_an_address_nobody_configured(home: Home) -> None:
    """--url needs no config at all; its key comes from the variable that is named."""
    with Speaking(GATEWAY) as server:
        url = server.url.removeprefix("http://")
        result = home.here("providers", "verify", "--url", url, "--key-env", "GW", env={"GW": "k-1"})
        assert result.code == 0
        assert server.posted(CHAT)[0].headers["authorization"] == "Bearer k-1"
        assert "--apply" not in result.err
        shown = home.here("providers", "verify", "--url", url, "--json").json["verification"]
    assert shown["changes"] == []
    assert not home.config.exists()


def test_a_model_may_be_named(home: Home) -> None:
    """-m is the model that is asked."""
    with Speaking(GATEWAY) as server:
        written(home, server.url)
        assert home.here("providers", "verify", "work", "-m", "mine").code == 0
        assert "mine" in [asked.model for asked in server.posted(CHAT)]


def test_ollama_in_the_next_room(home: Home) -> None:
    """A server with a listing of its own is recognised by that, and asked nothing."""
    with Speaking({"/api/tags": (200, {"models": [{"name": "llama3.2"}]})}) as server:
        home.write_config(f'[providers.den]\npreset = "ollama"\nurl = "{server.url}"\n')
        result = home.here("providers", "verify", "den")
        assert (result.code, server.posted("/api/chat")) == (0, [])
    assert (
        result.out
        == f"own listing\t/api/tags\t200\nrecommended: format ollama at {server.url}\nno key needed\n"
    )
    assert "--apply" not in result.err


def test_what_makes_no_sense(home: Home) -> None:
    """Unknown names end with 3, no address or two with 2, a missing key with 5, offline with 8."""
    written(home, "http://127.0.0.1:9")
    assert home.here("providers", "verify", "nosuch").code == 3
    assert home.here("providers", "verify").code == 2
    both = home.here("providers", "verify", "work", "--apply", "--url", "http://h")
    assert (both.code, "a configured provider or an address, not both" in both.err) == (2, True)
    assert home.here("providers", "verify", "--url", "http://h", "--key", "one").code == 2
    assert home.here("providers", "verify", "work", "--key", "one", "--key-env", "X").code == 2
    assert home.here("providers", "verify", "work", "--no-verify-tls").code == 2
    unset = home.here("providers", "verify", "--url", "http://h", "--key-env", "NOPE")
    assert (unset.code, unset.err) == (5, "error: NOPE is not set\n  export NOPE=...\n")
    odd = home.here("providers", "verify", "--url", "http://h", "--key-env", "ODD", env={"ODD": "\u00fc"})
    assert (odd.code, "verify-candidate" in odd.err) == (5, False)
    assert home.here("providers", "verify", "--url", "http://h", "--apply").code == 2
    assert home.here("providers", "verify", "--url", "ftp://h").code == 2
    assert home.here("providers", "verify", "work", "--key-env", "UNSET").code == 5
    assert home.here("providers", "verify", "work", "--offline").code == 8


def test_hostile_answers_reach_no_terminal_raw(home: Home) -> None:
    """Escapes in what a server says are gone from every line."""
    evil = (400, {"error": {"message": "\x1b[2J\u202eevil\nmodels\t/x\t200"}})
    with Speaking({"/v1/models": evil, CHAT: evil}) as server:
        written(home, server.url)
        result = home.here("providers", "verify", "work")
        shown = finish(home.terminal("providers", "verify", "work", "--color", "never"))
    assert not result.shows("\x1b[2J")
    assert not result.shows("\u202e")
    assert "\x1b[2J" not in shown.out.replace("\x1b[K", "")
    assert "chat" in shown.out


def test_only_what_may_be_asked_is_asked(home: Home) -> None:
    """The most able of the models that are allowed is paid for, not the dearest of all that are listed."""
    with FakeServer(["gpt-5-pro", "small"]) as server:
        fine = 'format = "openai"\nformat_mode = "pinned"\nallowed_models = ["sm*"]'
        written(home, server.url, fine)
        found = home.here("providers", "verify", "work", "--json").json["verification"]
        assert (found["model"], found["ready"]) == ("small", True)
        assert "gpt-5-pro" not in {chat.json["model"] for chat in server.chats}
