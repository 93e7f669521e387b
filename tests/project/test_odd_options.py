"""Odd values for every option: a result, or one of our own errors with status 2; nothing else, nothing half-written."""

from made_up import write_patient
from processes import run_python
from repository import REPOSITORY

# In a process of its own, because the tests' checks of types do not know typer's context.
DRIVER = """if True:
    import random, shutil, sys, tempfile
    from pathlib import Path
    import torch
    from typer.testing import CliRunner
    from unet_lib.cli.app import app
    from unet_lib.core.errors import GlassBoxError

    data, model, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(1)
    draw = random.Random(0)
    whole = ["-1", "0", "1", "3", "17", "99999999999999999999", "x", "", "1.5", "nan", "-999999999999"]
    real = ["nan", "inf", "-inf", "-1", "0", "1e-3", "1", "2", "1e300", "x", ""]
    words = ["", "nonsense", "cpu:foo", "cpu:7", "cuda", "mps:1", "meta", "$a$", "..", "école", "test", "bce", "dice",
             "cosine", "float32", "float16", "school"]
    paths = ["", "nowhere", "x" * 300, "/proc/nowhere/deep", "/dev/null", data, data + "/TCGA_CS_0001_19990101"]
    small = {"--epochs": "1", "--base": "2", "--depth": "2", "--size": "32", "--batch": "4", "--precision": "float32"}
    commands = {
        "train": (["train", "--data", data], small | {"--out": "OUT"}, {
            "--epochs": ["-1", "0", "2", "x", "1.5"], "--batch": whole, "--base": whole[:4] + ["x", "9999999"],
            "--depth": whole, "--size": whole + ["16", "64"], "--lr": real, "--context-slices": whole,
            "--negative-fraction": real, "--loss": words, "--schedule": words, "--clip": real, "--ema": real,
            "--patience": whole, "--device": words, "--precision": words, "--seed": whole, "--data": paths[:5],
            "--recipe": words[:5]}),
        "evaluate": (["evaluate", "--data", data, "--model", model], {"--split": "all"}, {
            "--split": words, "--device": words, "--data": paths, "--model": paths, "--out": paths}),
        "predict": (["predict", data + "/TCGA_CS_0001_19990101", "--model", model], {"--out": "OUT"}, {
            "--model": paths, "--device": words, "--flair": paths, "--pre": paths, "--out": paths}),
        "features": (["features", data + "/TCGA_CS_0001_19990101/TCGA_CS_0001_19990101_2.tif"], {"--out": "OUT"}, {
            "--model": paths, "--stage": words, "--channels": ["-1", "0", "9", "x"], "--film": words[:6]}),
        "phantom": (["phantom"], {"--out": "OUT"}, {
            "--patients": ["-1", "0", "x", "99999"], "--seed": ["-1", "x", "99999999999999", "1.5"]}),
        "school": (["experiments", "school", "--data", data, "--show"], {}, {
            "--scale": words, "--out": paths[:3], "--rows": words}),
        "folds": (["experiments", "cross-validate", "--data", data], {"--out": "OUT/rows.json"}, {
            "--fold": ["-1", "5", "x"], "--recipe": words[:8]}),
        "check": (["data", "check"], {}, {"": paths}),
    }
    runner, odd, results = CliRunner(), [], {0: 0, 2: 0, 3: 0, 1: 0}
    for number in range(count):
        name = draw.choice(["train"] * 6 + list(commands))
        start, usual, options = commands[name]
        with tempfile.TemporaryDirectory() as scratch:
            chosen = dict(usual)
            for option in draw.sample(sorted(options), min(len(options), draw.choice([1, 1, 2, 3]))):
                chosen[option] = draw.choice(options[option])
            if name == "folds" and not {"--fold", "--recipe"} & (chosen.keys() - usual.keys()):
                chosen["--fold"] = "5"
            words_given = [word for pair in chosen.items() for word in pair if word or pair[0]]
            arguments = [*start, *(word.replace("OUT", scratch + "/out") for word in words_given)]
            found = runner.invoke(app, arguments)
            error = found.exception
            fine = error is None or isinstance(error, (SystemExit, GlassBoxError, OSError))
            status = 2 if isinstance(error, (GlassBoxError, OSError)) else found.exit_code
            results[status] = results.get(status, 0) + 1
            if not fine or status not in (0, 2, 3):
                odd.append((arguments, repr(error)))
            left = [str(p) for p in Path(scratch).rglob("*") if p.name.startswith((".unfinished", ".former"))]
            if left:
                odd.append((arguments, left))
    print(results)
    print(*odd, sep="\\n")
    sys.exit(bool(odd))"""


def test_odd_values_of_every_option(tmp_path):
    for name in ("TCGA_CS_0001_19990101", "TCGA_DU_A003_19990101", "TCGA_HT_0005_19990101"):
        write_patient(tmp_path / "data", name)
    done = run_python("-c", DRIVER, tmp_path / "data", REPOSITORY / "data" / "models" / "phantom-baseline.safetensors",
                      320, PYTHONPATH=str(REPOSITORY))
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
