"""Keeping secrets out of everything that is written or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from omegaconf import DictConfig

HIDDEN: Final = "(hidden)"
_WORDS: Final = ("api_key", "apikey", "token", "secret", "password", "credential", "private_key", "hmac")


def is_secret(key: str) -> bool:
    """Whether a dotted key names something that must never be shown."""
    last = key.rsplit(".", 1)[-1].lower()
    return any(word in last for word in _WORDS)


def hidden_override(override: str) -> str:
    """An override as it may be written down."""
    key, equals, _ = override.partition("=")
    return f"{key}={HIDDEN}" if equals and is_secret(key) else override


def hidden_config(config: DictConfig) -> str:
    """The configuration as YAML, interpolations as written, secrets hidden."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(_hide(OmegaConf.to_container(config, resolve=False))))


def _hide(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _hide(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hide(inner, key) for inner in value]
    # An interpolation names where a secret comes from, and is worth keeping; a literal is the secret.
    literal = isinstance(value, str) and value and not value.startswith("${")
    return HIDDEN if literal and is_secret(key) else value
