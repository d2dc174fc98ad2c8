"""The verb `doctor`: draws what the checks found. Looks at nothing itself."""

from dataclasses import asdict

import click

from gateway.cli.checks import Finding, Level, run_checks
from gateway.cli.options import local_json_option
from gateway.cli.output import clean, of, say, say_object, style

LOOKS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command("doctor")
@local_json_option
def doctor_verb(as_json: bool) -> None:
    """Check settings, file limit, database, clock, and the way to GATEWAY_URL.

    Makes a real WebSocket handshake, since proxies often let HTTP through and WebSockets not.
    Exit code 1 when something must be mended.
    """
    findings = []
    for finding in run_checks():
        findings.append(finding)
        if not as_json:
            _tell(finding)
    failed = [finding for finding in findings if finding.level is Level.FAIL]
    if as_json:
        say_object({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    elif failed:
        say(style(f"{of(len(failed), 'thing')} to mend.", bold=True))
    if failed:
        raise SystemExit(1)


def _tell(finding: Finding) -> None:
    level = style(finding.level.ljust(5), fg=LOOKS[finding.level], bold=True)
    say(f"{level} {finding.check.ljust(10)} {clean(finding.detail)}")
    if finding.advice:
        say(f"{'':16} → {finding.advice}")
