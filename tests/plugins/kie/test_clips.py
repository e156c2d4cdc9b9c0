"""A clip that was paid for: where it is fetched from, and what can be done when it does not arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.plugins.kie.desk import PRICE, trouble

if TYPE_CHECKING:
    from tests.plugins.kie.desk import Desk


def test_no_key_goes_along_when_a_clip_is_fetched(desk: Desk) -> None:
    desk.run([trouble("fine"), trouble("by a fresh address", download=["404"])])
    assert desk.answer.code == 0
    downloads = desk.emulator.books().downloads
    assert len(downloads) >= 3
    assert [one["path"] for one in downloads if "authorization" in one["headers"]] == []


def test_a_clip_whose_address_has_ended_stays_paid_and_says_what_can_be_done(desk: Desk) -> None:
    seen = desk.run([trouble("gone", download=["expired"])])["gone"]
    assert (seen.creations, seen.phases, seen.cost_usd) == (1, ("ready",), (PRICE,))
    assert seen.what == "the clip could not be fetched"
    assert "its URL has expired, and the provider has no other" in seen.why
    assert "journal resolve" in seen.next
    assert desk.answer.code == 1
    again = desk.again()["gone"]
    assert again.creations == 1
    token = desk.journal()[0]["token"]
    assert desk.workplace.run("journal", "resolve", token, "--abandon").code == 0
    desk.emulator.script()
    anew = desk.again()["gone"]
    assert (anew.ending, anew.creations, anew.phases) == ("done", 2, ("abandoned", "fetched"))


def test_a_clip_is_not_fetched_from_a_host_that_is_not_named(desk: Desk) -> None:
    rows = [
        trouble("another host", urls=["https://elsewhere.example/clip.mp4"]),
        trouble("not https", urls=["http://tempfile.aiquickdraw.com/clip.mp4"]),
        trouble("in this network", urls=["http://192.168.0.1/clip.mp4"]),
        trouble(
            "sent elsewhere",
            download=[{"answer": "redirect", "to": "https://a.example/x.mp4", "times": "forever"}],
        ),
    ]
    seen = desk.run(rows)
    assert {name: (one.what, one.creations, one.phases) for name, one in seen.items()} == {
        row.name: ("the clip is not fetched from where the provider says it is", 1, ("ready",))
        for row in rows
    }
    assert "elsewhere.example" in seen["another host"].why
    assert {name for name, one in seen.items() if "generator.allowed_hosts" in one.next} == {
        "another host",
        "sent elsewhere",
    }
    assert "over HTTPS" in seen["not https"].next


def test_a_clip_larger_than_it_may_be_is_not_taken(desk: Desk) -> None:
    row = trouble(
        "large",
        options={"max_clip_mb": 0.2},
        download=[{"answer": "oversized", "size": 400_000, "times": "forever"}],
    )
    seen = desk.run([row])["large"]
    assert (seen.what, seen.phases, seen.creations) == ("the clip is larger than it may be", ("ready",), 1)
