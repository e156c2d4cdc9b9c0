"""`runner recover`: rebuild a journal that lost its rows, or accept that what they recorded is paid for again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from runner import store
from runner.money import dollars, to_usd
from runner.store import recovery
from runner.verbs.arguments import Common, Parser
from runner.verbs.root import of_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.store.recovery import Recovery


class _Arguments(Common):
    words: list[str]
    source: list[Path]
    dry_run: bool
    accept_loss: bool


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "recover",
        "Rebuild the journal of an outputs root from its run folders: each finished clip whose file is intact is\n"
        "recorded as paid for, and put back into the object store. Nothing is contacted.",
        examples=(
            "recover",
            "recover output.root=DIR --dry-run",
            "recover --from /backup/outputs",
            "recover --accept-loss",
        ),
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="output.root=DIR", help="the outputs root (outputs)")
    add(
        "--from",
        dest="source",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="look for run folders there, too",
    )
    add("--dry-run", action="store_true", help="only say what would be recorded")
    add(
        "--accept-loss",
        action="store_true",
        help="agree to pay again for clips that the journal does not know",
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Recover, and say what; 1 when files of finished clips are gone or changed."""
    arguments = _parsed(words)
    root, _ = of_words("recover", arguments.words)
    if arguments.accept_loss:
        return _accept(arguments, root)
    found = recovery.recoverable(root, arguments.source)
    if not arguments.dry_run:
        asyncio.run(_rebuilt(root, found))
    cost = sum(attempt.cost or 0 for attempt in found.attempts)
    if arguments.as_json:
        told = {
            "recorded": len(found.attempts),
            "cost_usd": to_usd(cost),
            "restored": len(found.files),
            "decisions": len(found.decisions),
            "damaged": [f"{clip.folder}: {clip.sequence}/{clip.shot}" for clip in found.damaged],
            "dry_run": arguments.dry_run,
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        verb = "would record" if arguments.dry_run else "recorded"
        print(
            f"{verb} {_counted(len(found.attempts), 'clip')} ({dollars(cost)}) as paid for"
            f" in {store.journal_path(root)}"
        )
        print(
            f"put back into the object store: {_counted(len(found.files), 'file')}"
            if found.files
            else "no file was missing"
        )
        if found.decisions:
            print(f"and what you decided: {_counted(len(found.decisions), 'clip')} accepted or rejected")
        if not found.attempts and not found.files and not found.damaged:
            print(
                "the journal has all that the run folders have\n"
                "if a run still stops: python -m runner recover --accept-loss\n"
                "  (pays again for what is in neither)"
            )
        for clip in found.damaged:
            print(
                f"- {clip.sequence}/{clip.shot} of {clip.folder}: its file is gone or changed; not recorded"
            )
    return 1 if found.damaged else 0


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


async def _rebuilt(root: Path, found: Recovery) -> None:
    async with store.open_journal(root) as journal:
        await recovery.rebuild(journal, root, found)


def _accept(arguments: _Arguments, root: Path) -> int:
    lost = recovery.unknown_keys(root)
    cost = sum(clip.cost or 0 for clip in lost.values())

    async def accepted() -> None:
        async with store.open_journal(root) as journal:
            # The mark of the root itself: its object store may hold clips that no run folder lists.
            await journal.accept_losses([*lost, recovery.WHOLE_ROOT])

    if not arguments.dry_run:
        asyncio.run(accepted())
    if arguments.as_json:
        told = {"accepted": len(lost), "cost_usd": to_usd(cost), "dry_run": arguments.dry_run}
        print(json.dumps(told, indent=2))
    else:
        print(
            f"{len(lost)} clips ({dollars(cost)} as far as is recorded) will be paid for again when they are needed"
        )
    return 0
