"""`python -m ringway.cli` is `ringway`."""

from ringway.cli import main

main()
