"""A skip in CI is a failure for the tests that CI relies on, and for nothing else."""

from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"
MARKS = "--override-ini=markers=samples\nkill\n"


@pytest.fixture
def skipping(pytester: pytest.Pytester) -> pytest.Pytester:
    """A small suite in which every test skips itself, under the real conftest."""
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.samples
        def test_of_samples():
            pytest.skip("none here")

        @pytest.mark.kill
        @pytest.mark.skipif(True, reason="no signals here")
        def test_of_kills():
            pass

        def test_of_nothing_special():
            pytest.skip("another day")

        @pytest.mark.samples
        @pytest.mark.xfail(reason="known", strict=True)
        def test_that_is_expected_to_fail():
            raise AssertionError
        """
    )
    return pytester


def test_a_skip_of_samples_or_kills_fails_in_ci(skipping: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = skipping.runpytest_inprocess(MARKS)
    result.assert_outcomes(failed=1, errors=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["*must not be skipped where CI=true: *none here*"])


def test_a_skip_stays_a_skip_elsewhere(skipping: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    skipping.runpytest_inprocess(MARKS).assert_outcomes(skipped=3, xfailed=1)


def test_a_module_that_skips_itself_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile("import pytest\npytest.skip('not today', allow_module_level=True)")
    pytester.runpytest_inprocess(MARKS).assert_outcomes(errors=1)
