"""The verbs of the command line, one module each. A module is imported only when its verb is typed."""

from typing import Final

VERBS: Final = {
    "init": "write conf/project/NAME.yaml, a commented project to start from",
    "plan": "what a run would do and cost, shot by shot; nothing is executed",
    "list": "the runs of an outputs root: when, what differs, state, cost, folder",
    "plugins": "what is registered, from where, with which options",
    "report": "write report.html into a run folder or that of a sweep, to look at it",
    "open": "open the report of the latest run, or of a folder, in the browser",
    "metrics": "the numbers that were measured of each shot of a run folder",
    "baseline": "keep what shots are like over their takes, to compare later runs with",
    "compare": "whether runs are worse than a baseline, beyond noise: tables, junit.xml, summary.md",
    "regression": "make as few new takes as decide whether a project is worse than its baseline",
    "diff": "in what two runs differ: configuration, requests, clips, seams, metrics, cost",
    "verify": "recompute every digest of a run folder",
    "reproduce": "compose the runs of a folder again, run them, compare every digest",
    "graft": "take another run's clip for a shot; only what goes on from it is made again",
    "journal": "attempts and spend; journal resolve settles an unknown outcome, journal cancel ends a task",
    "recover": "rebuild a journal that lost its rows from the run folders",
    "accept": "go on from a clip that the run holds back; it is kept in the root",
    "reject": "never go on from a clip, whatever its seam is like",
    "why": "why a shot was not reused: what differs from the nearest attempt",
    "gc": "list, and remove, files of the store that nothing refers to",
    "doctor": "whether this configuration can be run here and now; nothing is bought",
    "serve": "a web service over an outputs root: live pages, and an HTTP API that makes films",
    "emulate": "serve a paid service's API on this machine, to try it without a key",
    "conformance": "whether a plugin keeps its contract, check by check",
}
