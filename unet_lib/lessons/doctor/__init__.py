"""Is this machine ready? A list of findings, each with how to fix what is not.

`unet_lib doctor` prints them line by line, or with `--report` as a text for a bug report; `--class` adds what a room
full of readers needs;
`python -m unet_lib.lessons.doctor` does the same where not even the command line's own packages are there.
"""

from unet_lib.lessons.doctor.finding import Finding
from unet_lib.lessons.doctor.optional import extras
from unet_lib.lessons.doctor.report import consult, report
from unet_lib.lessons.doctor.required import examine
from unet_lib.lessons.doctor.school import classroom
from unet_lib.lessons.doctor.summary import summary

__all__ = ["Finding", "classroom", "consult", "examine", "extras", "report", "summary"]
