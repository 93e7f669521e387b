"""`python -m unet_lib` is the same as `unet_lib`."""

from unet_lib.cli.app import main

main()
