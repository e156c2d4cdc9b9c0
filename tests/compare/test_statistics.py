"""The statistics of a comparison against what is known of them, and their error rates by simulation."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from runner.compare import sequential, statistics
from runner.compare.permutation import Stratum, effect, p_worse, smallest_p
from runner.compare.verdicts import ALPHA, Judgement, Sample, Verdict, judge


def stratum(before: list[float], after: list[float], name: str = "a", *, paired: bool = False) -> Stratum:
    return Stratum(name=name, before=tuple(before), after=tuple(after), paired=paired)


def drawn(
    rng: np.random.Generator, takes: int, shift: float = 0.0, shots: int = 2, kind: str = "normal"
) -> tuple[Stratum, ...]:
    """Shots of different levels, whose takes vary by 1."""
    draw = {
        "normal": lambda size: rng.normal(size=size),
        "skewed": lambda size: rng.exponential(size=size),
        "rounded": lambda size: np.round(rng.normal(size=size)),
    }[kind]
    return tuple(
        stratum(list(10 * shot + draw(takes)), list(10 * shot + draw(takes) + shift), f"s{shot}")
        for shot in range(shots)
    )


def upper_bound(hits: int, of: int, level: float = 0.95) -> float:
    """The one-sided bound of Clopper and Pearson for a rate."""
    return float(stats.beta.ppf(level, hits + 1, of - hits)) if hits < of else 1.0


def test_all_relabellings_are_counted_as_scipy_counts_them() -> None:
    before, after = [1.0, 2.0, 2.5, 4.0, 1.5], [2.0, 3.5, 4.5, 4.0, 5.0]
    reference = stats.permutation_test(
        (after, before), lambda x, y: np.mean(x) - np.mean(y), alternative="greater", n_resamples=np.inf
    )

    assert p_worse([stratum(before, after)]) == pytest.approx(reference.pvalue)


def test_paired_takes_are_counted_by_the_signs_of_their_differences() -> None:
    before, after = [1.0, 20.0, 300.0, 40.0], [2.0, 21.5, 301.0, 41.0]

    assert p_worse([stratum(before, after, paired=True)]) == 1 / 16
    assert p_worse([stratum(before, after)]) >= 0.4, "unpaired, the levels of the seeds hide it"


def test_shots_are_strata_and_their_levels_do_not_matter() -> None:
    low, high = stratum([1.0, 1.1, 1.2], [2.0, 2.1, 2.2]), stratum([51.0, 51.1, 51.2], [52.0, 52.1, 52.2])

    assert p_worse([low, high]) == 1 / 400
    assert smallest_p([low, high]) == 1 / 400
    assert effect([low, high]) == pytest.approx(1.0)


def test_sampled_relabellings_agree_with_all_of_them() -> None:
    rng = np.random.default_rng(3)
    values = [list(rng.normal(size=4)) for _ in range(4)]
    two = [stratum(values[0], [one + 0.5 for one in values[1]], "a"), stratum(values[2], values[3], "b")]
    counted = p_worse(two)
    three = [*two, stratum([0.0] * 4, [0.0] * 4, "c")]  # says nothing, and makes too many ways to count

    assert p_worse(three, seed=1) == pytest.approx(counted, abs=0.02)


def test_holm_is_holm() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([]) == []


def test_three_takes_against_three_can_never_be_an_alarm() -> None:
    clear = stratum([1.0, 1.1, 1.2], [9.0, 9.1, 9.2])
    found = judge([Sample(metric=name, strata=(clear,), higher_is_better=False) for name in ("x", "y")])

    assert [one.verdict for one in found] == [Verdict.UNDECIDED] * 2
    assert found[0].why == "so few takes cannot decide"
    assert found[0].takes_needed == 4
    four = stratum([1.0, 1.1, 1.2, 1.15], [9.0, 9.1, 9.2, 9.15])
    assert judge([Sample(metric="x", strata=(four,), higher_is_better=False)])[0].verdict is Verdict.WORSE


@pytest.mark.parametrize("kind", ["normal", "skewed", "rounded"])
def test_the_test_itself_keeps_its_error_rate(kind: str) -> None:
    rng = np.random.default_rng(11)
    trials = 400
    hits = sum(p_worse(drawn(rng, 4, shots=1, kind=kind)) <= ALPHA for _ in range(trials))

    assert hits <= stats.binom.ppf(0.999, trials, ALPHA)


def test_500_comparisons_without_a_change_have_no_more_alarms_than_declared() -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for trial in range(500):
        kind = ("normal", "skewed", "rounded")[trial % 3]
        samples = [Sample(metric=f"m{at}", strata=drawn(rng, 4, kind=kind)) for at in range(4)]
        alarms += any(one.verdict is Verdict.WORSE for one in judge(samples))

    bound = upper_bound(alarms, 500)
    print(f"false alarms: {alarms} of 500, at most {bound:.3f} with 95 % confidence; declared {ALPHA}")
    assert bound <= ALPHA


def test_a_change_that_can_be_seen_is_caught_with_five_takes_and_hardly_ever_passes() -> None:
    rng = np.random.default_rng(5)
    caught = passed = 0
    for _ in range(200):
        bad = Sample(metric="bad", strata=drawn(rng, 5, shift=3.0), higher_is_better=False)
        calm = [Sample(metric=f"m{at}", strata=drawn(rng, 5)) for at in range(3)]
        verdict = judge([bad, *calm])[0].verdict
        caught += verdict is Verdict.WORSE
        passed += verdict is Verdict.FINE

    assert caught >= 0.95 * 200
    assert passed <= 0.05 * 200


def test_a_small_change_is_no_alarm_however_certain_it_is() -> None:
    quiet = stratum([1.0, 1.001, 1.002, 0.999, 1.0], [1.01, 1.011, 1.012, 1.009, 1.01])
    sample = Sample(metric="x", strata=(quiet,), higher_is_better=False, least=0.5)
    (found,) = judge([sample])

    assert found.verdict is Verdict.FINE
    assert found.p_corrected <= ALPHA
    assert found.why == "changed by less than what matters"


def test_takes_of_a_replay_have_no_noise_and_any_change_that_matters_is_seen() -> None:
    same = stratum([20.0] * 5, [20.0] * 5)
    changed = stratum([20.0] * 5, [21.0] * 5)

    assert judge([Sample(metric="x", strata=(same,), higher_is_better=False)])[0].verdict is Verdict.FINE
    assert judge([Sample(metric="x", strata=(changed,), higher_is_better=False)])[0].verdict is Verdict.WORSE


def test_the_takes_that_would_decide_decide() -> None:
    rng = np.random.default_rng(6)
    strata = drawn(rng, 3, shots=1)
    takes = statistics.takes_to_decide(strata, 1.5, ALPHA, 1.0)

    normal = NormalDist()
    expected = 2 * ((normal.inv_cdf(1 - ALPHA) + normal.inv_cdf(0.8)) / 1.5) ** 2
    assert takes == math.ceil(expected) == 6
    power = sum(p_worse(drawn(rng, takes, shift=1.5, shots=1)) <= ALPHA for _ in range(300))
    assert power / 300 >= 0.72
    assert statistics.takes_to_decide(strata, 0.001, ALPHA, 1.0) is None


def test_the_interval_covers_the_effect() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for trial in range(200):
        low, high = statistics.interval(drawn(rng, 12, shift=1.0), seed=trial)
        covered += low <= 1.0 <= high

    assert 0.85 <= covered / 200 <= 0.99


def test_looks_spend_the_error_rate_and_no_more() -> None:
    looks = sequential.planned_looks([3, 5, 8])

    assert math.fsum(look.alpha for look in looks) == pytest.approx(ALPHA)
    assert looks[-1].alpha > looks[1].alpha > looks[0].alpha
    for wrong in ([], [5, 3], [1, 2]):
        with pytest.raises(ValueError, match="growing"):
            sequential.planned_looks(wrong)


def test_a_comparison_in_looks_keeps_its_error_rate() -> None:
    rng = np.random.default_rng(9)
    looks, alarms, trials = sequential.planned_looks([3, 5, 8]), 0, 300
    for _ in range(trials):
        whole = [drawn(rng, 8), drawn(rng, 8)]
        for look in looks:
            found = judge(_first(whole, look.takes), spent=look.alpha)
            if sequential.is_over(found, last=look is looks[-1]):
                break
        alarms += any(one.verdict is Verdict.WORSE for one in found)

    assert upper_bound(alarms, trials) <= ALPHA


def _first(metrics: list[tuple[Stratum, ...]], takes: int) -> list[Sample]:
    return [
        Sample(
            metric=f"m{at}",
            strata=tuple(
                Stratum(name=one.name, before=one.before[:takes], after=one.after[:takes]) for one in strata
            ),
        )
        for at, strata in enumerate(metrics)
    ]


def test_takes_are_bought_where_they_say_most() -> None:
    noisy = stratum([1.0, 9.0, 3.0], [2.0, 8.0, 5.0], "loud/one")
    calm = stratum([1.0, 1.1, 1.2], [1.0, 1.1, 1.2], "calm/one")
    sample = Sample(metric="x", strata=(calm, noisy))

    found = sequential.uncertainty([sample], {"loud/one": "loud", "calm/one": "calm"})

    assert list(found) == ["loud", "calm"]


def test_a_comparison_ends_where_nothing_is_open() -> None:
    def of(*verdicts: Verdict) -> list[Judgement]:
        (one,) = judge([Sample(metric="x", strata=(stratum([1.0] * 5, [1.0] * 5),))])
        return [dataclasses.replace(one, verdict=verdict) for verdict in verdicts]

    assert sequential.is_over(of(Verdict.WORSE, Verdict.UNDECIDED), last=False)
    assert sequential.is_over(of(Verdict.FINE, Verdict.FINE), last=False)
    assert not sequential.is_over(of(Verdict.FINE, Verdict.UNDECIDED), last=False)
    assert sequential.is_over(of(Verdict.UNDECIDED), last=True)
