"""What rows share: whose series they ask for, how a rate is written, and the colours that mean the same everywhere."""

from deploy.grafana.panels import BAD, GOOD, ORANGE, Query

GROUP = 'job="$job"'
"""As recording rules know it."""
WORKERS = 'job="$job",instance=~"$instance"'
"""All of a group, or those that were chosen."""
RATE = "[$__rate_interval]"

SKY, PURPLE, GREY = "#56B4E9", "#CC79A7", "#999999"
OUTCOMES = {"stalled": BAD, "flowing": GOOD, "uncertain": GREY, "rejected": PURPLE}
STAGES = {"fetch": SKY, "read": ORANGE, "score": GOOD, "deliver": PURPLE}
STATES = {
    "idle": GREY,
    "working": GOOD,
    "delivering": PURPLE,
    "backpressure": ORANGE,
    "rebalancing": SKY,
    "outage": BAD,
}
PERCENTILES = {"p50": SKY, "p95": ORANGE, "p99": BAD}


def rate(metric: str, by: str = "", more: str = "") -> str:
    """A counter's growth a second, of all workers or by a label; `more` are matchers."""
    return _summed("rate", metric, RATE, by, more)


def growth(metric: str, by: str = "", more: str = "") -> str:
    """A counter's growth within 5 minutes, of all workers or by a label; `more` are matchers."""
    return _summed("increase", metric, "[5m]", by, more)


def _summed(function: str, metric: str, window: str, by: str, more: str) -> str:
    labels = ",".join(filter(None, (WORKERS, more)))
    return f"sum{f' by ({by})' if by else ''} ({function}({metric}{{{labels}}}{window}))"


def percentiles(metric: str, more: str = "") -> tuple[Query, ...]:
    """Of a histogram."""
    return tuple(
        Query(f"histogram_quantile({q}, {rate(f'{metric}_bucket', 'le', more)})", f"p{round(100 * q)}")
        for q in (0.5, 0.95, 0.99)
    )
