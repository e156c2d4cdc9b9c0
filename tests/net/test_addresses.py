"""From how far away an address can be fetched."""

from __future__ import annotations

import pytest

from runner.api import Reach
from runner.net.addresses import host_of, is_base_url, is_local, is_public, reach_of


@pytest.mark.parametrize(
    ("host", "reach"),
    [
        ("localhost", Reach.LOOPBACK),
        ("films.localhost", Reach.LOOPBACK),
        ("127.0.0.1", Reach.LOOPBACK),
        ("127.8.8.8", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("0.0.0.0", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("10.1.2.3", Reach.NETWORK),
        ("192.168.0.9", Reach.NETWORK),
        ("169.254.169.254", Reach.NETWORK),  # where clouds keep the keys of their machines
        ("fe80::1", Reach.NETWORK),
        ("::ffff:10.0.0.1", Reach.NETWORK),
        ("100.64.0.1", Reach.NETWORK),
        ("64:ff9b::10.0.0.1", Reach.NETWORK),  # NAT64
        ("64:ff9b::7f00:1", Reach.LOOPBACK),
        ("64:ff9b::8.8.8.8", Reach.PUBLIC),
        ("64:ff9b:1::8.8.8.8", Reach.NETWORK),  # somebody's own NAT64
        ("2002:a00:1::1", Reach.NETWORK),  # 6to4
        ("2002:a9fe:a9fe::", Reach.NETWORK),
        ("2002:808:808::1", Reach.PUBLIC),
        ("::10.0.0.1", Reach.NETWORK),  # IPv4-compatible
        ("::127.0.0.1", Reach.LOOPBACK),
        ("2001:0:808:808::f5ff:fffe", Reach.NETWORK),  # Teredo
        ("storage", Reach.NETWORK),
        ("8.8.8.8", Reach.PUBLIC),
        ("2600::1", Reach.PUBLIC),
        ("example.com", Reach.PUBLIC),
    ],
)
def test_a_host_is_as_far_away_as_it_looks(host: str, reach: Reach) -> None:
    assert reach_of(host) is reach
    assert is_local(host) is (reach is Reach.LOOPBACK)


def test_a_name_is_no_address() -> None:
    assert is_public("example.com") is None
    assert is_public("") is None
    assert is_public("224.0.0.1") is False


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://API.kie.ai:443/x?y=1", "api.kie.ai"),
        ("http://[::1]:80/", "::1"),
        ("https://kie.ai./", "kie.ai"),
        ("https://", ""),
        ("http://[broken", ""),
        ("no url", ""),
    ],
)
def test_the_host_of_a_url(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize("url", ["https://a.example", "http://127.0.0.1:8080", "https://a.example/tunnel/"])
def test_what_addresses_can_be_built_on(url: str) -> None:
    assert is_base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.example", "ftp://a.example", "https://", "https://a.example?x=1", "https://a.example/#x"),
        *(
            "https://user:secret@a.example",
            "https://a.example:0",
            "https://a.example:x",
            "https://a b.example",
        ),
        *("https://a.example/\n", "http://[::1"),
    ],
)
def test_what_addresses_cannot_be_built_on(url: str) -> None:
    assert not is_base_url(url)


def test_a_path_may_be_too_much() -> None:
    assert not is_base_url("https://a.example/path", path=False)
    assert is_base_url("https://a.example/", path=False)
