"""Numbers and settings as people read them, on pages, cards and tables."""

from stream.clip.spec import ClipSpec
from stream.verdict import DecisionRule
from training.measures.bootstrap import Estimate
from training.measures.needed import Basis, Lack, least_error, never_given

_MOST_ERROR = 0.5
"""A rule that errs as often as this is none."""


def number(value: float) -> str:
    """Three decimals: .8384 -> 0.838."""
    return f"{value:.3f}"


def percent(share: float) -> str:
    """A share that was measured: .3 -> 30.0 %, .0003 -> 0.03 %, .9998 -> 99.98 %, 1 -> 100 %."""
    rest = min(share, 1 - share)
    digits = 0 if rest < 1e-9 else 1 if rest >= 0.01 else 2 if rest >= 0.0001 else 3
    return f"{100 * share:.{digits}f} %"


def stated(share: float) -> str:
    """A share that somebody chose: .3 -> 30 %, .003 -> 0.3 %, .3417 -> 34.2 %."""
    digits = percent(share).removesuffix(" %")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits} %"


def probability(value: float) -> str:
    """Two digits or more of its distance to 0 and to 1: .2391 -> 0.239, .00043 -> 0.00043, .99996 -> 0.999960."""
    rest = min(value, 1 - value)
    digits = next((digits for digits in range(3, 10) if rest >= 10 ** (1 - digits)), 3)
    return f"{value:.{digits}f}"


def bounded(estimate: Estimate | None) -> str:
    """0.838 [0.812 0.864]; a dash where there is none."""
    return f"{estimate.value:.3f} [{estimate.low:.3f} {estimate.high:.3f}]" if estimate else "-"


def bounded_percent(estimate: Estimate | None) -> str:
    """72.1 % [70.0 % to 74.2 %]; a dash where there is none."""
    if estimate is None:
        return "-"
    return f"{percent(estimate.value)} [{percent(estimate.low)} to {percent(estimate.high)}]"


def clip_spec(spec: ClipSpec) -> str:
    """What a network sees of a clip."""
    which = "the whole clip" if spec.sampling == "whole" else f"the central {spec.central_frames}"
    scale = "at native scale" if spec.scale == "native" else "with the outline's box made to fit"
    outside = ", black outside of the outline" if spec.outside == "zero" else ""
    extra = {
        "none": "",
        "mask": ", the inside as second channel",
        "distance": ", the distance to the outline as second channel",
    }[spec.extra]
    return f"{spec.frames} frames of {which}, {spec.size}x{spec.size} pixels {scale}{outside}{extra}"


def thresholds(rule: DecisionRule) -> str:
    """What clips are called by their probability."""
    high, low = probability(rule.high), probability(rule.low)
    told = {
        (): f"stalled from a probability of {high} on, flowing below {low}, between them uncertain and left to people",
        ("stalled",): f"none is called stalled; flowing below a probability of {low}, others are left to people",
        ("flowing",): f"stalled from a probability of {high} on, others are left to people; none is called flowing",
        ("stalled", "flowing"): "none is called stalled and none flowing: all are left to people",
    }
    called = told[tuple(never_given(low=rule.low, high=rule.high))]
    return f"{called}; where two classes are wanted, stalled from {probability(rule.decide)} on"


def never(lack: Lack, basis: Basis) -> str:
    """Which verdict a rule that is chosen on these clips won't give, why, and what would mend it."""
    limits, way_out = basis.limits, "give more, or wider limits"
    if lack.verdict == "stalled":
        promise, kind = f"--error {limits.error:g} takes", "flowing"
        if lack.too_few:
            least = least_error(prevalence=basis.prevalence, flowing=basis.flowing)
            way_out = f"give more, or --error {least:g} at least" if least < _MOST_ERROR else "give more"
    else:
        promise, kind = f"--missed {limits.missed:g} and --error {limits.error:g} take", "stalled"
    there = f"there are {lack.there:,}" if lack.too_few else f"of {lack.there:,} too many look {lack.verdict}"
    return (
        f"none will be called {lack.verdict}: at {stated(basis.prevalence)} stalled {promise} at least "
        f"{lack.needed:,} {kind} clips to choose the rule on, and {there}; {way_out}"
    )
