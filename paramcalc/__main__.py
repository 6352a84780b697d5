"""`python -m paramcalc`, and what the installed script calls."""


def main() -> None:
    """Run the command line; a Ctrl-C while it is still being imported ends the process without a word too."""
    try:
        from paramcalc.cli import start

        start()
    except KeyboardInterrupt:  # `start` takes the signal over; this one came before
        from paramcalc.cli.commands import INTERRUPTED
        from paramcalc.cli.ending import end

        end(INTERRUPTED)


if __name__ == "__main__":
    main()
