"""`python -m pagesight`: the command line."""

from pagesight.cli import main

main()
