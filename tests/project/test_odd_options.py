"""Odd values for every option: a result, or one of our own errors with status 2; nothing else, nothing half-written."""

from made_up import write_patient
from processes import run_python
from repository import REPOSITORY

# In a process of its own, because the tests' checks of types do not know typer's context.
DRIVER = """if True:
    import sys, tempfile
    from collections import Counter
    from pathlib import Path
    import torch
    from hypothesis import given, settings, strategies as st
    from typer.testing import CliRunner
    from unet_lib.cli.app import app
    from unet_lib.core.errors import GlassBoxError

    data, model, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(1)
    one_of = st.sampled_from
    whole = st.integers().map(str) | one_of(["0", "1", "3", "17", "9" * 30, "x", "1.5", "nan"])
    real = st.floats().map(str) | one_of(["0", "1e-3", "1", "2", "x"])
    words = st.text("abz:$/.-_ é0", max_size=9) | one_of(["cpu:foo", "cpu:7", "cuda", "mps:1", "meta", "test", "bce",
                                                          "dice", "cosine", "float32", "float16", "school"])
    paths = one_of(["", "nowhere", "x" * 300, "/proc/nowhere/deep", "/dev/null", data, data + "/TCGA_CS_0001_19990101"])
    small = {"--epochs": "1", "--base": "2", "--depth": "2", "--size": "32", "--batch": "4", "--precision": "float32"}
    COMMANDS = {
        "train": (["train", "--data", data], small | {"--out": "OUT"}, {
            "--epochs": one_of(["-1", "0", "2", "x", "1.5"]), "--batch": whole, "--depth": whole,
            "--base": one_of(["-1", "0", "1", "3", "x", "9999999", "9" * 30]), "--size": whole | one_of(["16", "64"]),
            "--lr": real, "--context-slices": whole, "--negative-fraction": real, "--loss": words, "--schedule": words,
            "--clip": real, "--ema": real, "--patience": whole, "--device": words, "--precision": words,
            "--seed": whole, "--data": one_of(["", "nowhere", "x" * 300, "/dev/null"]), "--recipe": st.just("none")}),
        "evaluate": (["evaluate", "--data", data, "--model", model], {"--split": "all"}, {
            "--split": words, "--device": words, "--data": paths, "--model": paths, "--out": paths}),
        "predict": (["predict", data + "/TCGA_CS_0001_19990101", "--model", model], {"--out": "OUT"}, {
            "--model": paths, "--device": words, "--flair": paths, "--pre": paths, "--out": paths}),
        "card": (["card", "--data", data], {"": "nowhere"}, {
            "": paths, "--split": words, "--baseline": paths, "--data": paths, "--out": paths, "--question": words}),
        "features": (["features", data + "/TCGA_CS_0001_19990101/TCGA_CS_0001_19990101_2.tif"], {"--out": "OUT"}, {
            "--model": paths, "--stage": words, "--channels": one_of(["-1", "0", "9", "x"]), "--film": words}),
        "phantom": (["phantom"], {"--out": "OUT"}, {
            "--patients": one_of(["-1", "0", "x", "99999"]), "--seed": one_of(["-1", "x", "9" * 14, "1.5"])}),
        "school": (["experiments", "school", "--data", data, "--show"], {}, {
            "--scale": words, "--out": paths, "--rows": words}),
        "folds": (["experiments", "cross-validate", "--data", data], {"--out": "OUT/rows.json", "--fold": "5"}, {
            "--fold": one_of(["-1", "5", "x", "9" * 30]), "--recipe": words.filter(lambda word: word != "school")}),
        "check": (["data", "check"], {}, {"": paths}),
        "fetch": (["data", "fetch"], {"--out": "OUT", "--archive": "nowhere"}, {"--archive": paths, "--out": paths}),
        "translate": (["translate"], {"": "nowhere"}, {"--language": words, "": paths, "--out": paths}),
        "pages": (["pages"], {"--out": "OUT"}, {"": paths}),
    }
    runner, statuses = CliRunner(), Counter()

    def calls(name):
        start, usual, options = COMMANDS[name]
        some = st.lists(one_of(sorted(options)), min_size=1, max_size=3, unique=True)
        drawn = some.flatmap(lambda chosen: st.fixed_dictionaries({option: options[option] for option in chosen}))
        return drawn.map(lambda odd: (start, usual | odd))

    @settings(max_examples=count, deadline=None, derandomize=True, database=None)
    @given(one_of(["train"] * 6 + list(COMMANDS)).flatmap(calls))
    def try_one(call):
        start, options = call
        with tempfile.TemporaryDirectory() as scratch:
            words = [word for pair in options.items() for word in pair if word or pair[0]]
            found = runner.invoke(app, [*start, *(word.replace("OUT", scratch + "/out") for word in words)])
            ours = isinstance(found.exception, (GlassBoxError, OSError))
            statuses[2 if ours else found.exit_code] += 1
            assert ours or found.exception is None or isinstance(found.exception, SystemExit), repr(found.exception)
            assert ours or found.exit_code in (0, 2, 3), found.output
            assert not [path for path in Path(scratch).rglob(".*") if path.name.startswith((".unfinished", ".former"))]

    try_one()
    print(dict(statuses))"""


def test_odd_values_of_every_option(tmp_path):
    for name in ("TCGA_CS_0001_19990101", "TCGA_DU_A003_19990101", "TCGA_HT_0005_19990101"):
        write_patient(tmp_path / "data", name)
    done = run_python("-c", DRIVER, tmp_path / "data", REPOSITORY / "data" / "models" / "phantom-baseline.safetensors",
                      320, cwd=tmp_path, PYTHONPATH=str(REPOSITORY))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
