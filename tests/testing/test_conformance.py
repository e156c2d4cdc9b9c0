"""The conformance suite passes plugins that keep their contract, whatever kind they are of."""

from __future__ import annotations

import pytest

from runner.testing import PLUGINS
from runner.testing.fake_provider.client import running
from tests.testing.examined import EXTRACTOR, GENERATOR, UPLOADER, failed, filled, verdicts

BUNDLED = ("pyav", "ffmpeg", "scikit_video", "local_http", "synthetic")


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_plugin_passes(workplace, name):
    answer = workplace.run("conformance", name)

    assert answer.code == 0, answer.out
    assert "FAILED" not in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_the_fake_generator_passes_all_checks_for_its_price(workplace):
    with running(workplace.path / "books.jsonl") as fake:
        fake.script(
            shots={"conformance/impossible": {"submit": ["refuse_validation*"]}},
            supports_idempotency_key=True,
            supports_lookup=True,
        )
        words = ["conformance", "fake", "--json", f"plugins.dirs=[{PLUGINS}]"]
        words += [f"generator.base_url={fake.base_url}", "generator.price_usd=0.5"]
        words += ["generator.idempotency=true", "generator.lookup=true"]

        answer = workplace.run(*words, "--spend")

        assert answer.code == 0, answer.out
        assert set(verdicts(answer).values()) == {"ok"}
        assert fake.books().accepted <= 3


def test_a_provider_that_bills_a_token_twice_fails(workplace):
    with running(workplace.path / "books.jsonl") as fake:
        fake.script(shots={"conformance/impossible": {"submit": ["refuse_validation*"]}})
        words = [f"plugins.dirs=[{PLUGINS}]", f"generator.base_url={fake.base_url}"]

        answer = workplace.run(
            "conformance", "fake", "--json", *words, "generator.idempotency=true", "--spend"
        )

    assert answer.code == 1
    assert set(failed(answer)) == {"takes one token for one task"}


@pytest.mark.parametrize("price", ["generator.price_usd=0.5", "generator.price_usd=null"])
def test_nothing_is_asked_of_a_generator_that_may_cost_money(workplace, price):
    with running(workplace.path / "books.jsonl") as fake:
        words = [f"plugins.dirs=[{PLUGINS}]", f"generator.base_url={fake.base_url}", price]

        answer = workplace.run("conformance", "fake", *words)

        assert answer.code == 2
        assert "--spend" in answer.err
        assert fake.books().submissions == 0


def test_a_plugin_that_imports_a_heavy_library_is_told_which(examined):
    answer = examined("import numpy\n" + filled(EXTRACTOR, "return last_frame(clip)"))

    assert "numpy" in failed(answer)["loads no heavy library"]


def test_a_plugin_that_cannot_be_built_fails_there_and_is_asked_nothing_more(examined):
    source = filled(EXTRACTOR, "return last_frame(clip)").replace(
        "        pass", '        raise OSError("no disk")'
    )
    answer = examined(source)

    assert "no disk" in failed(answer)["is built, entered and left, twice"]
    assert "true last frame: an ordinary clip" not in verdicts(answer)


def test_options_that_can_change_fail(examined):
    source = filled(EXTRACTOR, "return last_frame(clip)")
    source = source.replace(
        "class Mine:",
        "import dataclasses\n@dataclasses.dataclass\nclass Keys:\n    x: int = 1\n\nclass Mine:",
    )
    answer = examined(source.replace("factory=Mine", "factory=Mine, options=Keys"))

    assert "not frozen" in failed(answer)["options are a frozen dataclass"]


def test_a_name_of_two_kinds_is_examined_as_both(workplace):
    one = filled(EXTRACTOR, "return last_frame(clip)")
    workplace.write("plugins/mine.py", one)
    workplace.write("plugins/other.py", filled(UPLOADER, "return await self.inner.put(image)"))

    answer = workplace.run("conformance", "mine", "--json")

    assert answer.code == 0, answer.out
    assert set(answer.json["plugins"]) == {"extractor mine", "uploader mine"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "the name of one plugin"),
        (("pyavv",), "pyav"),
        (("pyav", "--spent"), "--spent"),
        (("pyav", "shot.seed=1"), "shot.seed"),
        (("local_http", "uploader.prot=1"), "port"),
        (("local_http", "uploader.port=high"), "uploader.port"),
        (("local_http", "generator.x=1"), "generator"),
        (("synthetic", "uploader=nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_used_is_named(workplace, words, told):
    answer = workplace.run("conformance", *words)

    assert answer.code == 2
    assert told in answer.err


def test_a_generator_that_needs_a_public_address_is_not_given_a_local_one(examined):
    source = filled(GENERATOR, "pass").replace("reach=Reach.LOOPBACK", "reach=Reach.PUBLIC")
    answer = examined(source)

    assert answer.code == 0, answer.out
    assert verdicts(answer)["starts from the image it is given"] == "skipped"


def test_the_host_of_the_pictures_can_be_chosen(workplace, examined):
    host = filled(UPLOADER, "return dataclasses.replace(await self.inner.put(image), reach=Reach.NETWORK)")
    host = host.replace('name="mine"', 'name="lan"').replace(
        "(reach=Reach.LOOPBACK)", "(reach=Reach.NETWORK)"
    )
    workplace.write("plugins/lan.py", host)
    source = filled(GENERATOR, "pass").replace("reach=Reach.LOOPBACK", "reach=Reach.NETWORK")

    assert verdicts(examined(source))["starts from the image it is given"] == "skipped"
    assert verdicts(examined(source, "uploader=lan"))["starts from the image it is given"] == "ok"


def test_quiet_says_only_what_failed(workplace):
    answer = workplace.run("conformance", "synthetic", "--quiet", "generator.deliver=wrong_size")

    assert answer.code == 1
    assert "announces the true size" in answer.out
    assert "is described" not in answer.out
