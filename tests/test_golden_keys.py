"""Literal keys of a dozen and more requests. A paid clip is found by its key: when a key changes, users pay again.

A failure here means that every user with clips of that kind buys them once more. Correct the code, not the literal,
unless that is the purpose of the change; then raise `VERSION` or the plugin's `key_version` with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Workplace

# Eight pixels square, grey. Literal bytes, so that no version of a compression library decides the key.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000008000000080800000000e164e1570000000e494441"
    "54789c6368800206ca1800808420010d8024610000000049454e44ae426082"
)
CHAIN = {"one": "a quiet lake", "two": "wind on the lake"}
KIE = ("generator=kie", "uploader=kie")


@dataclass(frozen=True)
class Request:
    """A project, and the words that go with it on the command line."""

    shots: dict[str, Any] = field(default_factory=lambda: dict(CHAIN))
    """The shots of its one sequence, by name."""
    words: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further sections of the project file."""


REQUESTS = {
    "chain": Request(),
    "cut": Request({"one": "a quiet lake", "two": {"prompt": "wind on the lake", "boundary": "cut"}}),
    "image": Request({"one": {"prompt": "a quiet lake", "image": "pictures/grey.png"}, "two": "wind"}),
    "params": Request(
        {
            "one": {"prompt": "a quiet lake", "params": {"drift_hue": 2.5, "b_frames": 0}},
            "two": "wind on the lake",
        },
        more={"generator": {"params": {"audio": True, "reframe": 2.0}}},
    ),
    "options": Request(more={"generator": {"plugin": "synthetic", "drift_brightness": 3.5, "b_frames": 0}}),
    "seed": Request({"one": {"prompt": "a quiet lake", "seed": 7}, "two": "wind on the lake"}),
    "take": Request({"one": "a quiet lake", "two": {"prompt": "wind on the lake", "take": 3}}),
    "shot_keys": Request(
        words=("shot.duration_s=2.5", "shot.fps=12", "shot.resolution=144p", "shot.aspect_ratio='9:16'")
    ),
    "style_and_film": Request(
        more={
            "project": {"name": "film", "style": "Soft light. Überall."},
            "film": {"join": False},
            "continuity": {"fallback": "none"},
        }
    ),
    "several_generators": Request(
        {"one": "a quiet lake", "two": {"prompt": "a face", "generator": "closeup"}},
        words=(*KIE, "+generator@generators.closeup=synthetic", "generators.closeup.reframe=1.5"),
    ),
    "kie": Request(words=KIE),
    "kie_params": Request(words=(*KIE, "+generator.params.generate_audio=false", "shot.take=2")),
    "kie_grok": Request(words=("generator=kie_grok", "uploader=kie", "shot.duration_s=6")),
    "kie_kling": Request(words=("generator=kie_kling", "uploader=kie", "shot.resolution=1080p")),
    "kie_minimax": Request(words=("generator=kie_minimax", "uploader=kie", "shot.resolution=768p")),
    "kie_pixverse": Request(words=("generator=kie_pixverse", "uploader=kie")),
    "kie_seedance": Request(words=("generator=kie_seedance", "uploader=kie")),
    "kie_veo": Request(words=("generator=kie_veo", "uploader=kie")),
    "kie_wan": Request(words=("generator=kie_wan", "uploader=kie")),
    "kie_other_model": Request(words=(*KIE, "generator.model=kling/v3-turbo")),
}
EXAMPLES = ("ad_campaign", "long_chain", "one_shot")

# By request: the key of the run, then those of its shots in their order.
GOLDEN: dict[str, tuple[str, ...]] = {
    "chain": (
        "5491a2d85f7abade16c47987de0f91e3e8dda82fad7dc85f81c548a224435e13",
        "743f1c190f9bbae00a9628ff1fec695aef17ecbafb8e28742da4b4836318261b",
        "6b887704f97c8aabfccc2113baae98493555cb4ab758c429ceacbd869e1ec1fa",
    ),
    "cut": (
        "5d17e954172297d2ae221a8c104d44b5baebebfec5a67098ccba4d50f40f5b34",
        "743f1c190f9bbae00a9628ff1fec695aef17ecbafb8e28742da4b4836318261b",
        "aa4fc554fddb26f0e4238ddf265c4eb784f7eff7f7c7edec47a15843991b9475",
    ),
    "image": (
        "d4d33ed0a65442d9f626e0ed09e4d3fedc7ea64d1104f0bcdd8a11fbcf3a0772",
        "22e94b2cf2778ebfe8e0b420d9a5d0d7f5473deaf4360607d180f7d9ad37f0df",
        "24928d0499a63a25ba01755e0f85b315ea9309e8ae64274d9d744ac786ee61c2",
    ),
    "params": (
        "13efcfbdee67b14a2cf507b48916c739685af6dcf31b43499f4d3e9689e1aca2",
        "2050875f41d05115d3fd578f078bf9de5f1a742c64fda3c66498661ed34d473f",
        "a7d09e311bbe66e627ba4d09e3eeef53051e693fd652693ada4464efa1f46dcb",
    ),
    "options": (
        "e6dc9c58850a99cc8fe3d3d57816f8b8fb7670c35ee84169648443b958a23186",
        "7f837af324620b63c067bf6f2f7708030cefa9f72611bcc7c787cf8512dbeb62",
        "4af957969cd0c8f3eb7c126eda5c4c1a9f430f9fa831e98c8a6cf0aa32ba49d2",
    ),
    "seed": (
        "14aa65af1524f7be0438c732ffc054bcf508c72344fb9efe1e37ce3040d5b7f9",
        "925a23673d1916940e739cc8fc0103e3006baf00b3fb191483eeaed345c648f0",
        "e6365b514578e00823df869845341d8d1511e173f23f47897b396f24cd5fca12",
    ),
    "take": (
        "191c41109c5e89f07f8c36e01de145e5ef754e579ecb9f9a616710b8f1854b6e",
        "743f1c190f9bbae00a9628ff1fec695aef17ecbafb8e28742da4b4836318261b",
        "48a56b85689d83bb2762be82beaf33fe32ca645eb1994da77787f28a7a896aad",
    ),
    "shot_keys": (
        "e7b188871ceca1903ad5f93f5cf6e9345606c441a7cf6573d067ef34ba4a7678",
        "d06bb3fe2a96707eef7a8c4c8645e713cf33917f497cbcbd0e98240843b179ed",
        "9d866536100892cd29ffa8c4f6c603643e4d2e026979ec3b2ef5cfc0fea6e44f",
    ),
    "style_and_film": (
        "3d9d82dff7870952caff52f9169528dc864ebd0c685e496e15f7267f357f882b",
        "700da0d4a0df0e8a69bb5862a0c2028e9dd610d176074621f90e21600800cf2b",
        "72af0f98937d73d5516c280870ccc80eecf2937f63e8dd07d3799071fe15c752",
    ),
    "several_generators": (
        "f8dbd02f15af2e44be4fc9d266535313691fa0faf086fc75fb12595f4d11e05f",
        "0fb9d9a573abdc5f828bd2415ad540d9a663b48b863eac3df11e2cbb4a444fce",
        "4643312ad070ecf85130deea98b3b3d5917882a5790620c35f078565e520eba3",
    ),
    "kie": (
        "620dc05b1ffe2cb3a1ce22b53af3796a529da9001ff28aa8c6c26066b590a318",
        "0fb9d9a573abdc5f828bd2415ad540d9a663b48b863eac3df11e2cbb4a444fce",
        "a4ad28bf01075da0d21efc892ab820854977f1597390963c52826e75697e480f",
    ),
    "kie_params": (
        "be590936c4fcd927b8bdf6267ce685190313c5778d94f787580835c871892826",
        "b6c48cf998b6cfd8036428309d35136a8fbd48d7442efab92175944fb50f50cc",
        "823a8ba3c239c4694263c7f8fb14a1c31d71ff08a81687398c8033e331abf263",
    ),
    "kie_grok": (
        "0dc9909b8f60572049e099f0de10586e9e0e875c1365d2c1fabfc3badd10089a",
        "dfefa869294c9c6c888ec69f970c653ffa8754dd1ba8247033f3249a106b6ccc",
        "e350324106a00ac5a4c4d0c7bc739ed9a44af83fb317ed58e3623b6c1b91ffe6",
    ),
    "kie_kling": (
        "3e18ad03f9bc95ab2aa5953ca1765764f326b3fb9e8caf76fe806b57f1cead8c",
        "df7dc515b74f3121565e46d740fd6dd134d2bfe5624439fe154c2a44f6a288ea",
        "38a41d01a0316e36695c45be0b41bee7ac81ab10a42270c7ad70197c06f4de5f",
    ),
    "kie_minimax": (
        "2a936209b378da2a54256479b7392245de48317a1f0f6f12048036f161b84ead",
        "8b1dd92b6762b6fff9b032a6b9ee832d7f220a87ae8b7d9c0e061121f88b530d",
        "fbdbf09c4e1e902258755cf9a4accb6078e316b98420aa58813df9b91a7a9927",
    ),
    "kie_pixverse": (
        "4e9a2f1c84103728d7a0218b97d97f0de05101bb64ab7b6dfcbb2a04b29bbaf4",
        "22c0e8b73e8736fc34215e02c95a5b1033a30f96cc98e7aeb51a33834bc6d4c4",
        "fb3ac2dbe282383748408785032f6adb6b90046873eee97d7b679418d0905fb9",
    ),
    "kie_seedance": (
        "4033587a50dd43080e150afc1878ffd3d494052508cc5a3e6f09d5ed208da7af",
        "529851f271b3f20ab2e6edd594d173f0e7906c617ad8110c3eaa91b28f173e41",
        "e9e6ddcd9047043f5541b169f12b8c3a5333c3d3c8c5532b817699dc034a4ef0",
    ),
    "kie_veo": (
        "d620eb0dfac9b33084fa9203dc8ccca1d67953e3e7b2b22ac00a8e81d8b90192",
        "166bab3233ce49e4e8fcb8c2f4e3494a75f7f797c498a36cfe2618d2753c4320",
        "e9a7011600414ef41b2eecbc0a8c361a4f99e334d3c19ae12a15960311900d84",
    ),
    "kie_wan": (
        "91e304e8bbe7184ca178f96ee5f24d9208f638ec2d3f7b46287a954f273f107c",
        "498a0d74da2572fd11ebe604d334a4969b81031f833a1aac02b300b08eaa24d9",
        "dd37a54e3654b9978e55aaf38dc1cbee3796b507c5bfc91cc92a6a4346dfd27e",
    ),
    "kie_other_model": (
        "07c4d29111b35d2df50d930ffdc3c32f4082b1e42a763e9ca22dd177216c8aa4",
        "1ad6dd458048fd9175839fd122488eb6375bdef3828f7165bc111016adf50358",
        "e275d3118a71ff58b4c7ed4a6c7b31448cbf3a32dc0156316c27929241b8e1f4",
    ),
    "ad_campaign": (
        "70a9d2dfaf4d7255b0ba7b3fec82840e3b47895d1723ed8f36afe2c349bcfdcb",
        "a0a02ad548f6ef17055d946856d68aa28ce2a80b09606598016be989b9e5cce0",
        "a3872b70a573e69c50079a8b1b22cb0f7ae095c0132b345b73675f01bfe29e3a",
        "cb7d90555dd15e909d23975bcaa2e2e6b32baf6685db56064b34b62cc0572f61",
        "a4b72f845736b78a54a33f1f412f5d5a0043bb3e84cd3e2f046c4ee0bdd7cea5",
        "69ffbbbbb9ce1fe17d39a9fa4be36ef5228265f80cd2ee29957f2e05d87adfc5",
        "4c0aa71ee88b404a8c5b44408240d257bdd4e4d6f4d6f720b73e3ef80b125b83",
    ),
    "long_chain": (
        "a4f3e0a3e3aacbb532673747e27c5614535a67d48c8d6c677cf62488ccc08c04",
        "4d96e25e90c181f67ced29b1e3d62d1339911efa7917639b11fd24bfa3a43661",
        "b6872598d1c64e7f4c85a75de5e23feaceb8b610e1ac172943ba5041bba95c42",
        "628c45c8c072c0b2ae55793adb7a0db5e0d82386992987f1b844464eabe1343a",
        "431328368f048b44a0fa7e1c25753ba1504785f55c6a4bdbf4cbbd2fe5dedfca",
        "00b5a0f590b09e26fdd9b3270c8167725b0696dc17f9c719f750fbeafd611fd8",
        "c35091033a889b6f4ff9bc8f2c32c714d1935420d85bb9ac371914c2a7272e85",
        "68f722caf4540a1a3ba873150eef7c191d829d3105c6ac7159dddf91a321921c",
        "c3d261d49088e6c7b2d7a130acbf8cf1e01a9a1a55521cc26a249318d53f5be2",
    ),
    "one_shot": (
        "9e9f100d9709d4eb15ca841f482a911f1428c17df935ce760f794e9567638ca9",
        "0a97e7058e895c837dd283730d3ba23c064f3a8e5dfd7e897bf5803bd8c0d52a",
    ),
}


def keys(workplace: Workplace, *words: str) -> tuple[str, ...]:
    """The key of the run that a command line plans, then those of its shots."""
    planned = workplace.run("plan", *words, "--json")
    assert planned.code == 0, planned.err
    plan = planned.json
    return (plan["key"], *(shot["key"] for shots in plan["sequences"].values() for shot in shots))


def written(workplace: Workplace, request: Request) -> tuple[str, ...]:
    """Write the project of a request; returns the words that plan it."""
    workplace.write("conf/project/pictures/grey.png", PNG)
    shot = {"duration_s": 4, "resolution": "720p", "fps": 24}
    override = workplace.project({"main": request.shots}, shot=shot, **request.more)
    return (override, *request.words)


@pytest.fixture(autouse=True)
def _dummy_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API_KEY", "dummy")


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_keeps_its_keys(workplace: Workplace, name: str) -> None:
    assert keys(workplace, *written(workplace, REQUESTS[name])) == GOLDEN[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_project_keeps_its_keys(workplace: Workplace, name: str) -> None:
    assert keys(workplace, f"+project={name}") == GOLDEN[name]


def test_each_request_has_keys_of_its_own() -> None:
    assert GOLDEN.keys() == {*REQUESTS, *EXAMPLES}
    assert len({key for found in GOLDEN.values() for key in found[:1]}) == len(GOLDEN)


def test_where_and_as_whom_a_request_runs_is_no_part_of_its_keys(workplace: Workplace) -> None:
    words = written(workplace, REQUESTS["kie"])
    elsewhere = (
        "output.root=elsewhere",
        "budget.max_cost=5",
        "limits.retries=0",
        "generator.api_key=another",
    )

    assert keys(workplace, *words, *elsewhere) == GOLDEN["kie"]
