"""The verbs of the command line, one module each. A module is imported only when its verb is typed."""

from typing import Final

VERBS: Final = {
    "init": "write conf/project/NAME.yaml, a commented project to start from",
    "plan": "what a run would do and cost, shot by shot; nothing is executed",
    "list": "the runs of an outputs root: when, what differs, state, cost, folder",
    "plugins": "what is registered, from where, with which options",
    "verify": "recompute every digest of a run folder",
    "journal": "attempts and spend; journal resolve settles an unknown outcome, journal cancel ends a task",
    "recover": "rebuild a journal that lost its rows from the run folders",
    "why": "why a shot was not reused: what differs from the nearest attempt",
    "gc": "list, and remove, files of the store that nothing refers to",
    "doctor": "whether this configuration can be run here and now; nothing is bought",
    "emulate": "serve a paid service's API on this machine, to try it without a key",
    "conformance": "whether a plugin keeps its contract, check by check",
}
