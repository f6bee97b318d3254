"""``python -m migperf`` is the command ``migperf``."""

from migperf.cli.main import main

if __name__ == "__main__":
    main()
