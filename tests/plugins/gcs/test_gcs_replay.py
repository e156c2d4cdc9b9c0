"""What Google's own client returned is recorded, and replayed without Google."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.plugins.gcs.bench import stored

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace
    from tests.plugins.gcs.front import Front


def test_a_film_by_way_of_a_bucket_is_replayed_without_it(
    workplace: Workplace, front: Front, bucket: str, key_file: Path
) -> None:
    words = (
        workplace.project({"one": {"boats": "Boats come home", "gulls": "Gulls follow"}}),
        *("uploader=gcs", f"uploader.bucket={bucket}", f"uploader.api_url={front.url}"),
        "continuity.fallback=none",
    )
    recorded = workplace.run(*words, f"uploader.credentials_file={key_file}", "+ci=record")
    assert recorded.code == 0, recorded.err
    assert len(stored(front, bucket)) == 1
    front.lines.clear()

    replayed = workplace.run(*words, "uploader.credentials_file=gone.json", "+ci=replay")

    assert replayed.code == 0, replayed.out + replayed.err
    assert not front.lines
    first, second = (workplace.manifest(run)["sequences"] for run in (0, 1))
    assert first == second
    text = "".join(path.read_text() for path in (workplace.path / "cassettes").rglob("*.json"))
    assert "PUT" in text
    assert "Signature=(hidden)" in text
