"""What every test shares: the seed, the size of the run, the public samples, and what a skip means in CI."""

import os
import random
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

from tests.counts import PROOF

ROOT = Path(__file__).resolve().parent.parent
SEED = int(os.environ.get("TELLONCE_SEED", "20240229"))
NEVER_SKIPPED_IN_CI = ("samples", "kill")

# The usual run is the same every time; a proof draws afresh from the seed it prints.
hypothesis.settings.register_profile("usual", derandomize=True, deadline=None, database=None, max_examples=100)
hypothesis.settings.register_profile("proof", deadline=None, print_blob=True, max_examples=5000)
hypothesis.settings.load_profile("proof" if PROOF else "usual")


def pytest_report_header() -> str:
    """The seed and the counts of this run, so that it can be had again."""
    return f"seed: TELLONCE_SEED={SEED}; counts: {'proof (TELLONCE_PROOF=1)' if PROOF else 'usual'}"


@pytest.fixture
def seed() -> int:
    """The seed of this run, printed in the header."""
    return SEED


@pytest.fixture
def rng() -> random.Random:
    """Randomness that is the same for every test and every run of one seed."""
    return random.Random(SEED)


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of public samples that lies beside the repository; skips where it is absent."""
    folder = ROOT.parent / "shared" / "samples"
    if not folder.is_dir():
        pytest.skip("no public samples in ../shared/samples")
    return folder


def _is_skip(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail")


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} must not be skipped where CI=true: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip of a test that CI relies on is a failure there."""
    report = yield
    if _is_skip(report) and any(item.get_closest_marker(name) for name in NEVER_SKIPPED_IN_CI):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself while it is collected hides its marks, so in CI that is a failure too."""
    report = yield
    if _is_skip(report):
        _fail(report)
    return report
