"""The document of `providers import`."""

from __future__ import annotations

from llmpool.cli.documents.shape import (
    Fields,
    Shape,
    document,
    flag,
    many,
    maybe,
    table,
    text,
    texts,
    time,
    whole,
)

FOUND: Fields = {
    "tool": text("the tool"),
    "name": text("the tool as people call it"),
    "source": text("config, env or dotenv"),
    "path": maybe(text("the file")),
    "provider": text("whose key it is there"),
    "becomes": maybe(text("the provider it would be here")),
    "url": maybe(text("the address")),
    "key": maybe(text("the mask of the key")),
    "variable": maybe(text("the variable with the key")),
    "label": text("what the key would be called"),
    "importable": flag("whether it can be taken over"),
    "imported": flag("whether it is here already"),
    "reason": maybe(text("why it cannot")),
    "repeats": maybe(text("the find that it repeats")),
}
TOOL: Fields = {
    "id": text("its id"),
    "name": text("its name"),
    "provider": text("whose models it uses"),
    "found": flag("whether anything of it is here"),
    "path": maybe(text("its file")),
    "searched": texts("where it was looked for"),
    "error": maybe(text("what went wrong")),
    "variables": many(
        table({"name": text("the variable"), "set": flag("whether it is set")}), "what it reads"
    ),
    "detected": flag("whether it is there"),
}
LOGIN: Fields = {
    "tool": text("the tool"),
    "name": text("the tool as people call it"),
    "type": text("the type of login"),
    "path": text("the file"),
    "email": maybe(text("who is logged in")),
    "provider": text("the provider it would be here"),
    "expires_at": maybe(time("when its token ends")),
}
BROUGHT: Fields = {
    "source": text("the tool"),
    "dry_run": flag("whether nothing was written"),
    "steps": many(
        table(
            {
                "provider": text("the provider"),
                "label": maybe(text("what the key is called")),
                "action": text("added, key, present, skipped, failed or login"),
                "reason": maybe(text("why")),
                "key": maybe(text("the mask of the key")),
                "stored": maybe(text("where it was put")),
            }
        ),
        "what was done, or would be",
    ),
    "notes": texts("what is worth knowing"),
}
MOVED: Fields = {
    "source": text("the tool"),
    "dry_run": flag("whether nothing was written"),
    "files": texts("what was read"),
    "steps": many(
        table({"action": text("what"), "what": text("to what"), "why": maybe(text("why"))}), "what was done"
    ),
    "migrated": whole("how many came along"),
    "skipped": whole("how many did not"),
    "migrated_names": texts("who came along"),
    "skipped_names": texts("who did not"),
    "failed": texts("what went wrong"),
    "backup": maybe(text("the name for undo")),
}

DOCUMENTS: dict[str, Shape] = {
    "providers-import": document(
        "llmpool providers import --json: what there is; what was taken over; what moved in; what was undone",
        {
            "found": many(table(FOUND), "keys and addresses"),
            "logins": many(table(LOGIN), "logins"),
            "tools": many(table(TOOL), "the tools that are known"),
            "problems": texts("files that could not be read"),
        },
        BROUGHT,
        MOVED,
        {"source": text("the tool"), "undone": flag("whether it was"), "backup": text("its name")},
    ),
}
