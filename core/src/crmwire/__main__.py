"""`python -m crmwire` is the command `crmwire`."""

from crmwire.cli import main

main()
