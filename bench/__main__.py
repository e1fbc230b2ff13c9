"""`make bench`: the figures of docs/performance.md, measured here and now.

BENCH_ARGS takes the options: `make bench BENCH_ARGS="--only ingest --runs 7"`.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence

from rich.console import Console

from bench import homes
from bench.apart import be_quiet, measuring
from bench.figures import FIGURES
from bench.figures.reads import read_everybody
from bench.measuring import Bench, Line
from bench.profiles import Profiles
from bench.table import markdown, plain, show
from bench.workload import batches, events

_QUICK_EVENTS = 500


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    be_quiet()
    with homes.scratch() as folder:
        bench = Bench(
            folder,
            events=_QUICK_EVENTS if asked.quick else asked.events,
            runs=1 if asked.quick else asked.runs,
            is_full=asked.full,
            is_quick=asked.quick,
        )
        if asked.profile:
            _profile(bench)
            return
        _measure(bench, asked.only, is_markdown=asked.markdown)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bench", description="Ratios to floors and a peer, measured in turns.")
    parser.add_argument("--quick", action="store_true", help="tiny counts, once: does it run?")
    parser.add_argument("--only", action="append", choices=FIGURES, help="only this figure; may be given again")
    parser.add_argument("--events", type=int, default=50_000, help="events of the smaller figures (50000)")
    parser.add_argument("--runs", type=int, default=5, help="how often each is measured (5); the median counts")
    parser.add_argument("--full", action="store_true", help="the halves of a million events (an hour more)")
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/performance.md at the end")
    parser.add_argument(
        "--profile", action="store_true", help="instead: where ingest, rebuild and reads spend their time, per thread"
    )
    return parser


def _measure(bench: Bench, only: Sequence[str] | None, *, is_markdown: bool) -> None:
    console = Console()
    lines: list[Line] = []
    with measuring() as measure:
        for name in FIGURES:
            if only and name not in only:
                continue
            with console.status(f"measuring: {name}"):
                told = measure(name, bench)
            lines += told
            if not console.is_terminal:
                print("\n".join(map(plain, told)), flush=True)
    if console.is_terminal:
        show(lines, console)
    if is_markdown:
        print(markdown(lines))


def _profile(bench: Bench) -> None:
    parts = list(batches(events(bench.events), 1_000))
    profiles = Profiles()
    with profiles.watching(), homes.open_home(bench.folder) as hub:
        took_s = homes.ingest(hub, parts)
        for name, work in (
            ("rebuild", lambda: hub.runner.rebuild("timeline")),
            ("reader", lambda: read_everybody(hub)),
        ):
            thread = threading.Thread(target=work, name=name)
            thread.start()
            thread.join()
    print(f"{bench.events / took_s:,.0f} events/s with the profile")
    print("\n".join(profiles.lines()))


if __name__ == "__main__":
    main()
