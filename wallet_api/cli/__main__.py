"""`python -m wallet_api.cli`: the command `carnet`."""

from wallet_api.cli import main

main()
