"""The entry point of the `gateway` command, and of `python -m gateway`."""

from gateway.cli.main import cli


def main() -> None:
    """Run the command line; never returns."""
    cli(prog_name="gateway")


if __name__ == "__main__":
    main()
