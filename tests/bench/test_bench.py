"""The measuring itself is measured: small runs against the bare C loop, and the tables."""

import shutil
from pathlib import Path

import pytest

from bench import peers, report, tools
from bench.meter import Sample, Target, measure
from bench.report import Table

CONNECTIONS = 40


def _run(folder: Path, **how: int) -> Sample:
    with peers.limit(folder) as target:
        return measure(target, CONNECTIONS, gap=0.01, **how)


def test_every_connection_gets_every_round(tmp_path: Path) -> None:
    """The meter counts a delivery for each connection in each round, and none is lost."""
    sample = _run(tmp_path, rounds=3)
    assert sample.connections == CONNECTIONS
    assert sample.raw["frames"] == 3 * CONNECTIONS
    assert sample.frame_bytes == 200
    assert sample.missed == 0


def test_times_and_costs_are_plausible(tmp_path: Path) -> None:
    """First before half before last; a delivery costs something, and less than a millisecond."""
    sample = _run(tmp_path, rounds=3)
    assert 0 < sample.first <= sample.p50 <= sample.last < 1000
    assert 0 < sample.cpu_us < 1000
    assert sample.connects_per_second > 0


def test_a_stalled_connection_is_not_waited_for(tmp_path: Path) -> None:
    """Rounds end when those who read have it."""
    sample = _run(tmp_path, rounds=3, stall=5)
    assert sample.raw["stalled"] == 5
    assert sample.raw["frames"] == 3 * (CONNECTIONS - 5)
    assert sample.missed == 0


def test_a_server_that_refuses_is_a_reason_not_a_figure(tmp_path: Path) -> None:
    """No table may hold the speed of doing nothing."""
    with peers.limit(tmp_path) as target:
        wrong = Target(port=target.port, pids=target.pids, options=["--sse", "--path", "/ws"])
        with pytest.raises(tools.Unavailable, match="0 of 40 connected"):
            measure(wrong, CONNECTIONS)


def test_no_server_is_left_behind(tmp_path: Path) -> None:
    """Ended by pid when the block ends."""
    with peers.limit(tmp_path) as target:
        process = Path(f"/proc/{target.pids[0]}")
        assert process.exists()
    assert not process.exists()


def test_what_cannot_be_had_says_why() -> None:
    """A peer that is skipped is listed with its reason, without the addresses in it."""
    assert shutil.which("no-such-tool") is None
    with pytest.raises(tools.Unavailable, match="`no-such-tool` is not here"):
        tools.run(["no-such-tool"])
    with pytest.raises(tools.Unavailable, match=r"no luck at$"):
        tools.run(["sh", "-c", "echo no luck at https://example.org/x >&2; exit 3"])


def test_a_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """What is around the markers stays."""
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nafter\n")
    report.write(Table("x", ("figure", "µs"), [("a", "1")]), page)
    text = page.read_text()
    assert text.startswith("before\n<!-- bench:x -->\n| figure | µs |\n")
    assert "old" not in text
    assert text.endswith("<!-- /bench:x -->\nafter\n")
    with pytest.raises(LookupError):
        report.write(Table("y", ("figure",)), page)


def test_every_scenario_has_its_place_on_the_page() -> None:
    """`make bench` must not measure for minutes and then find no place for the table."""
    from bench.run import SCENARIOS

    text = report.README.read_text()
    assert [name for name in SCENARIOS if f"<!-- bench:{name} -->" not in text] == []


def test_the_c_programs_compile_without_a_warning(tmp_path: Path) -> None:
    """The compiler's advice is free."""
    flags = ["-O2", "-Wall", "-Wextra", "-Werror"]
    for name in ("meter", "limit"):
        source = tools.HERE / f"{name}.c"
        tools.run(["cc", *flags, "-o", str(tmp_path / name), str(source)])
