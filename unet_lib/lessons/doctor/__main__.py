"""`python -m unet_lib.lessons.doctor [--class] [--report]` needs nothing but Python, so it can say what is missing."""

import sys

from unet_lib.lessons.doctor import consult

sys.exit(not consult(report_only="--report" in sys.argv[1:], of_class="--class" in sys.argv[1:]))
