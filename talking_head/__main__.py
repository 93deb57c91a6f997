"""`python -m talking_head`."""

from talking_head.cli import main

main()
