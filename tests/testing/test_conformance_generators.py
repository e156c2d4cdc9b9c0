"""What the conformance suite finds wrong with a generator."""

from __future__ import annotations

import pytest

from tests.testing.examined import GENERATOR, failed, filled


def test_a_generator_around_a_good_one_passes(examined):
    answer = examined(filled(GENERATOR, "pass"))

    assert answer.code == 0, answer.out


@pytest.mark.parametrize(
    ("option", "check"),
    [
        ("ignore_image=true", "starts from the image it is given"),
        ("reframe=1.5", "starts from the image it is given"),
        ("deliver=wrong_size", "announces the true size"),
        ("deliver=truncated", "the clip is what was requested"),
        ("fail=running", "makes a clip from text"),
        ("fail=after", "delivers the clip"),
        ("fail=submit", "takes a request"),
    ],
)
def test_a_generator_that_misbehaves_fails_the_check_of_it(workplace, option, check):
    answer = workplace.run("conformance", "synthetic", "--json", f"generator.{option}")

    assert answer.code == 1
    assert check in failed(answer)


@pytest.mark.parametrize(
    ("body", "check", "why"),
    [
        (
            """
            async def submit(self, request, token):
                if request.duration_s < 0:
                    raise KeyError("duration")
                return await self.inner.submit(request, token)
            """,
            "refuses an impossible request",
            "KeyError",
        ),
        (
            """
            async def submit(self, request, token):
                request = dataclasses.replace(request, duration_s=2.0, aspect_ratio="9:16", resolution="180p", fps=8)
                return await self.inner.submit(request, token)
            """,
            "the clip is what was requested",
            "1 s were requested",
        ),
        (
            """
            async def poll(self, ref):
                status = await self.inner.poll(ref)
                if status.state is State.SUCCEEDED:
                    self.ended = getattr(self, "ended", 0) + 1
                    if self.ended > 1:
                        return dataclasses.replace(status, state=State.FAILED, reason="gone")
                return status
            """,
            "can be polled after the end",
            "failed",
        ),
        (
            """
            async def fetch(self, status, sink):
                self.fetches = getattr(self, "fetches", 0) + 1
                await self.inner.fetch(status, sink)
                await sink.write(bytes(self.fetches))
            """,
            "delivers the same bytes again",
            "differ",
        ),
        (
            """
            async def submit(self, request, token):
                try:
                    return await self.inner.submit(request, token)
                finally:
                    import asyncio
                    try:
                        await asyncio.sleep(0)
                        await asyncio.sleep(0)
                    except asyncio.CancelledError:
                        raise RuntimeError("interrupted") from None
            """,
            "survives a cancelled submission",
            "interrupted",
        ),
    ],
    ids=["bare_exception", "other_clip", "forgets", "changes", "cancelled"],
)
def test_a_generator_that_breaks_its_contract_fails_the_check_of_it(examined, body, check, why):
    answer = examined(filled(GENERATOR, body))

    assert answer.code == 1
    assert why in failed(answer)[check]


def test_a_generator_that_promises_what_it_has_not_fails(examined):
    answer = examined(filled(GENERATOR, "pass", billing="lookup=True"))

    assert "mine.py" in failed(answer)["has the methods that a run calls"]
    assert "Billing(lookup=True)" in failed(answer)["has the methods that a run calls"]


def test_a_method_that_is_never_called_is_named(examined):
    answer = examined(filled(GENERATOR, "async def lookup(self, token):\n    return None"))

    (checks,) = answer.json["plugins"].values()
    said = {one["check"]: one["why"] for one in checks}["has the methods that a run calls"]
    assert answer.code == 0
    assert said == "`lookup` is never called: its capabilities lack Billing(lookup=True)"


def test_a_generator_that_bills_a_token_twice_fails(examined):
    answer = examined(
        filled(
            GENERATOR,
            """
            async def submit(self, request, token):
                return await self.inner.submit(request, token + str(id(object())) + str(len(self.inner._tasks)))
            """,
            billing="idempotency=Idempotency.KEY",
        )
    )

    assert set(failed(answer)) == {"takes one token for one task"}


def test_a_price_that_is_a_bare_number_fails(examined):
    source = filled(GENERATOR, "pass").replace('Price(usd=Decimal("0"))', "0.0")

    assert examined(source).code == 2
    assert (
        "states a float as its price: it should be a Price or None"
        in failed(examined(source, "--spend"))["knows its price, or states that it is unknown"]
    )
