"""The README's table of speeds: that it says what was measured, and no more."""

import json

from repository import REPOSITORY

from benchmarks.speed.performance_table import LINES, table

FAST = {"device": "a CPU", "instructions": "AVX512", "time": "2"}
SLOW = {**FAST, "instructions": "AVX2", "time": "1"}


def write(folder, **files):
    for name, rows in files.items():
        (folder / f"{name}.json").write_text(json.dumps({"rows": rows}))


def cells(lines, what):
    return [cell.strip() for cell in next(line for line in lines if what in line).split("|")[2:-1]]


def test_the_readme_says_what_is_in_the_results():
    assert "\n".join(table()) in (REPOSITORY / "README.md").read_text("utf-8")


def test_what_was_not_measured_says_so(tmp_path):
    write(tmp_path, train_throughput=[{**FAST, "question": "memory"}])
    lines = table(tmp_path)
    assert lines[0] == "| | a CPU, with AVX-512 | the same, as without it | one GPU |" and len(lines) == len(LINES) + 2
    for line in lines[2:]:
        assert line.endswith(("| not measured | not measured | not measured |", "| not measured | not measured | – |"))


def test_every_cell_comes_from_its_own_machine(tmp_path):
    row = {"question": "throughput", "base": 16, "size": 128, "batch": 16,
           "median": {"ours": 90.4, "tutorial": 30.0, "monai": 25.0}, "ratios": {"ours / bare": 0.8},
           "limits": {"convolution_fraction": 0.5}}
    race = [{**FAST, "competitor": "efflite0-quick", "seconds_to": {"f1": seconds, "mean_dice": None}}
            for seconds in (41.6, 39.5)]
    loop = {**FAST, "competitor": "tutorial", "seconds_to": {"f1": None, "mean_dice": None}, "best": {"f1": 0.701}}
    gpu = [{"name": "base 16, 128×128, batch 16", "smoke": smoke, **row, "median": {**row["median"], "ours": speed}}
           for smoke, speed in ((False, 900.0), (True, 1.0))]
    gpu.append({"name": "efflite0-quick", "smoke": False, "seconds_to": {"0.81": "not reached"}})
    write(tmp_path, train_throughput=[{**FAST, **row}, {**SLOW, **row, "base": 64},
                                     {**FAST, **row, "device": "another", "time": "0"}],
          time_to_f1=[*race, loop], gpu_card=gpu,
          predict_speed=[{**SLOW, "network": "lgg-best", "threads": threads, "seconds": 1.26 / threads}
                         for threads in (1, 2)])
    lines = table(tmp_path)
    assert cells(lines, "images a second") == ["**90**, 30, 25", "not measured", "**900**, 30, 25"]
    assert cells(lines, "beyond the bare step")[0] == "25%" and cells(lines, "one large convolution")[0] == "50%"
    assert cells(lines, "to F1 0.81, three") == ["40 to 42 s", "not measured", "not reached"]
    assert cells(lines, "a mean Dice")[0] == "not reached"
    assert cells(lines, "its best F1")[0] == "0.70 to 0.70"
    assert cells(lines, "a patient") == ["not measured", "0.6 s", "–"]
