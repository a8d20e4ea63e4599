"""A pytest plugin: a test that doesn't run proves nothing, so a skip for a reason not listed here fails the run."""

import pytest

ALLOWED_SKIPS = (
    "the competition's material is not redistributable",
    "no Chromium or Chrome shows the dashboard",
    "no container runs here: ",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """A whole file can be skipped, too, before any of its tests is known."""
    return _judged((yield))


def _judged(report):
    if report.skipped and not any(reason in str(report.longrepr) for reason in ALLOWED_SKIPS):
        report.outcome = "failed"
        report.longrepr = f"skipped for a reason that tests/skips.py does not list: {report.longrepr}"
    return report
