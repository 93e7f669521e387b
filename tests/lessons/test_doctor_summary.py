"""What a lesson shows of the doctor's findings: one line if all is well, and failures always."""

import re

from unet_lib.lessons.doctor import summary
from unet_lib.lessons.doctor.finding import Finding

GOOD = [Finding("Python", "3.11.4 in /home/me"), Finding("torch <cpu>", "2.13")]
BAD = Finding("disk", "1 GB free & full", "delete <something>")


def test_all_is_well_in_one_line_and_the_rest_is_folded():
    told = summary(GOOD)
    assert repr(told) == "2 of 2 checks passed"
    page = told._repr_html_()
    assert re.sub(r"<details>.*</details>", "", page) == ""
    assert "<summary>2 of 2 checks passed</summary>" in page and "<li>[OK] torch &lt;cpu&gt;</li>" in page
    assert "3.11" not in page and "/home" not in page


def test_what_failed_is_never_folded():
    told = summary(iter([GOOD[0], BAD, GOOD[1]]))
    assert repr(told) == "2 of 3 checks passed\n[FAIL] disk: 1 GB free & full\n       fix: delete <something>"
    seen = re.sub(r"<details>.*</details>", "", told._repr_html_())
    assert "[FAIL] disk: 1 GB free &amp; full" in seen and "fix: delete &lt;something&gt;" in seen
    assert "disk" not in told._repr_html_().partition("<details>")[2]
