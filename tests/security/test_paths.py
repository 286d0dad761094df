"""Names that would be paths: of providers, models, sessions, templates and files, whoever chose them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmpool.embedded import check_name, model_file, models_dir
from llmpool.errors import Misuse
from llmpool.registry import catalog
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, provider

UP = ("../../escape", "..", ".", "/etc/passwd", "a/../../b", "..\\..\\x", "%2e%2e%2fx", "a\0b", "~/x", "-",
      "con",
      "\u2025/x", "x" * 300, "a\nb", ".hidden", "")  # fmt: skip
TAKE_NAMES = (
    "chat --no-stdin --session {} -m sky/m hi",
    "chat --show {}",
    "chat --delete {} -y",
    "chat --export {}",
    "chat --no-stdin -t {} hi",
    "providers add {} --url http://127.0.0.1:9/v1",
    "providers remove {} -y",
    "providers keys add {} --env A",
    "providers keys add sky --label {} --env A",
    "providers trial install {}",
    "models pull embedded/{} --from x.gguf",
    "models remove embedded/{} -y",
    "models unload embedded/{}",
    "policy set {} --state flagged -y",
    "policy group set {} --provider sky",
    "policy budget set 5/day --name {}",
    "usage prices set {} --input 1 --output 1",
    "route --id {}",
    "route --replay {}",
    "providers import undo {}",
)


def everything(folder: Path) -> set[str]:
    """Name all that is in a directory and is not llmpool's own."""
    own = {
        "state",
        "config.toml",
        "config.toml.lock",
        "secrets.json",
        "secrets.json.lock",
        ".config.toml.lock",
    }
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.relative_to(folder).parts[0] not in own}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("line", TAKE_NAMES)
def test_no_name_leads_out_of_the_state(home: Home, line: str) -> None:
    """Whatever a name is, it is refused or becomes a file inside; nothing beyond is made, read or deleted."""
    with FakeServer(["m"]) as sky:
        home.write_config(provider("sky", sky.url))
        (home.cwd / "x.gguf").write_bytes(b"GGUF")
        victim = home.dir / "escape"
        for ending in ("", ".jsonl", ".json", ".gguf", ".lock", ".toml"):
            victim.with_name(f"escape{ending}").write_text('{"role": "user", "text": "precious"}\n')
        before = everything(home.dir)
        for name in UP:
            if "\0" in name:
                continue  # no command line can have it
            told = home.here(*[word.format(name) for word in line.split()])
            assert (told.code != 1, "bug" in told.err, told.shows("precious")) == (True, False, False), told
            assert everything(home.dir) == before, name
            assert victim.read_text().count("precious") == 1
    inside = {path.resolve().is_relative_to(home.state) for path in home.state.rglob("*")}
    assert inside <= {True}


@pytest.mark.parametrize("name", [each for each in UP if each != "con"])
def test_no_model_of_ours_is_a_path(tmp_path: Path, name: str) -> None:
    """A name of an embedded model is a few plain characters, or none."""
    with pytest.raises(Misuse):
        check_name(name)


def test_a_plain_name_stays_in_its_directory(tmp_path: Path) -> None:
    """Dots inside are harmless."""
    for name in ("a", "a.b", "a..b", "smollm2-135m"):
        assert model_file(tmp_path, check_name(name)).parent == models_dir(tmp_path)


HOSTILE_IDS = (
    "../../v1/files",
    "m?key=x",
    "m#x",
    "m/../../admin",
    "m%2f..%2fx",
    "m\\..\\x",
    "m:generateContent?x=",
)


def test_the_name_of_a_model_stays_one_part_of_an_address(home: Home) -> None:
    """A format that writes it into the path of a request escapes it: the key goes to no other endpoint."""
    with FakeServer(["m"], speaks=("google",), behave=[faults.status(404)] * 40) as sky:
        home.write_config(
            "[routing]\nmax_retries = 0", provider("sky", sky.root, format="google", key={"env": "K"})
        )
        home.env["K"] = "sk-0123456789"
        for name in HOSTILE_IDS:
            home.here("chat", "--no-stdin", "--max-wait", "0", "--force", "-m", f"sky/{name}", "hi")
        paths = {request.path for request in sky.requests if request.method == "POST"}
    assert len(paths) >= len(HOSTILE_IDS) - 1
    for path in paths:
        head, _, query = path.partition("?")
        assert head.startswith("/v1beta/models/"), path
        assert head.removeprefix("/v1beta/models/").count("/") == 0, path
        assert query in ("", "alt=sse"), path


ADDRESSES = {
    "http://0x08080808:1": False,
    "http://134744072:1": False,
    "http://010.8.8.8:1": False,
    "http://[::ffff:8.8.8.8]:1": False,
    "http://127.0.0.1.evil.example": False,
    "http://10.0.0.1.evil.example": False,
    "http://localhost.evil.example": False,
    "http://evil.example/127.0.0.1": False,
    "http://127.0.0.1@evil.example": False,
    "http://evil.example#@127.0.0.1": False,
    "http://evil.example?@127.0.0.1/": False,
    "http://[2001:4860:4860::8888]": False,
    "http://127.0.0.1:1": True,
    "http://[::1]:1": True,
    "http://[::ffff:10.0.0.1]:1": True,
    "http://192.168.1.9": True,
    "http://den.lan:1": True,
    "http://den:1": True,
}


@pytest.mark.parametrize(("url", "near"), ADDRESSES.items())
def test_only_an_address_of_this_network_counts_as_local(url: str, near: bool) -> None:
    """`--local-only` keeps prompts here: no other spelling of an address elsewhere passes for one of ours."""
    assert catalog.is_private(url) is near


def test_a_file_named_by_a_server_is_never_written(home: Home) -> None:
    """A download gets the name that was asked for, whatever the server calls it."""
    disposition = {"Content-Disposition": 'attachment; filename="../../../pwned"'}
    listing = faults.status(200, headers=disposition, body={"data": [{"id": "m"}]})
    with FakeServer(["m"], behave_listing=[listing] * 3) as sky:
        home.write_config(provider("sky", sky.url))
        before = everything(home.dir)
        assert home.here("refresh").code == 0
    assert everything(home.dir) == before
    assert not os.path.exists("/pwned")
