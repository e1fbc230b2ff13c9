"""Tests that are shared out to workers have one seed, which the run says; and in CI a skip fails there too."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ON_WORKERS = ("-n", "2", "--dist=loadfile")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty suite under the real conftest. A plain `pytest` needs no workers; `make test` cannot run without."""
    pytest.importorskip("xdist")
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return pytester


def test_all_workers_have_the_seed_that_the_run_says(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLONCE_SEED", "4711")
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(6))
        def test_the_seed(seed, turn):
            assert seed == 4711
        """
    )
    result = suite.runpytest_subprocess(*ON_WORKERS)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["seed: TELLONCE_SEED=4711; counts: *", "created: 2/2 workers"])


def test_a_skip_of_samples_or_kills_fails_in_ci_on_workers(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.samples
        def test_of_samples():
            pytest.skip("none here")

        def test_of_nothing_special():
            pytest.skip("another day")
        """
    )
    result = suite.runpytest_subprocess("--override-ini=markers=samples", *ON_WORKERS)
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*must not be skipped where CI=true: *none here*"])
