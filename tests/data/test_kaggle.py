"""Fetching from Kaggle without the network: a server on this machine stands in for it."""

import base64
import hashlib
import os
import shutil
import threading
from pathlib import Path

import pytest
from kaggle_stand_in import StandIn
from kagglesdk import kaggle_env
from packed_set import PATIENT, files, nothing_is_left, zipped
from typer.testing import CliRunner

from unet_lib.cli import app
from unet_lib.core.errors import DatasetError
from unet_lib.data import download
from unet_lib.data.download import fetch


@pytest.fixture
def kaggle(archive, tmp_path, monkeypatch):
    """A server that kagglehub takes for Kaggle; no credentials, and no cache but ours."""
    for name in [name for name in os.environ if name.startswith("KAGGLE")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "KAGGLE_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = StandIn(archive.read_bytes())
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD,
                        f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_from_kaggle(kaggle, data, expected, out, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "the user's"))
    assert fetch(out, None, expected, progress=False)
    assert files(out) == files(data)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert os.environ["KAGGLEHUB_CACHE"] == str(tmp_path / "the user's")
    assert not (tmp_path / "the user's").exists() and not (tmp_path / "home").exists()


def test_a_broken_download_goes_on_where_it_stopped(kaggle, data, expected, out):
    half = len(kaggle.content) // 2
    kaggle.breaks_after = half
    with pytest.raises(DatasetError, match=r"(?s)the connection broke .*same command again\. What was downloaded is "
                                           r"kept in .*press Download"):
        fetch(out, None, expected, progress=False)
    assert not out.exists() and "KAGGLEHUB_CACHE" not in os.environ
    partial, = out.parent.rglob("*.archive")
    there = partial.stat().st_size
    assert 0 < there <= half and partial.read_bytes() == kaggle.content[:there]
    kaggle.breaks_after = None
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None, None, f"bytes={there}-"]
    assert files(out) == files(data) and len(list(out.parent.iterdir())) == 1


def test_ctrl_c_while_downloading_keeps_what_has_come(kaggle, data, expected, out, monkeypatch):
    from kagglehub import clients

    class StopsAtTheSecond(clients.tqdm):
        def update(self, n=1):
            super().update(n)
            if self.n > clients.CHUNK_SIZE:
                raise KeyboardInterrupt

    monkeypatch.setattr(download, "published", lambda: expected)
    with monkeypatch.context() as patch:
        patch.setattr(clients, "tqdm", StopsAtTheSecond)
        stopped = CliRunner().invoke(app.app, ["data", "fetch", "--out", str(out)])
    assert stopped.exit_code == 130 and "Run the same command to continue" in stopped.output
    assert not out.exists()
    done = CliRunner().invoke(app.app, ["data", "fetch", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "laid out and verified. 5 patients, 23 slices, 18 with tumour." in done.output
    assert kaggle.ranges[-1] == f"bytes={2 * clients.CHUNK_SIZE}-" and files(out) == files(data)
    again = CliRunner().invoke(app.app, ["data", "fetch", "--out", str(out)])
    assert again.exit_code == 0 and "already there; verified and left as it is" in again.output


def stop(*_):
    raise KeyboardInterrupt


def test_stopped_while_laying_out_it_asks_for_no_download_again(kaggle, expected, out, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(download, "_lay_out", stop)
        with pytest.raises(KeyboardInterrupt):
            fetch(out, None, expected, progress=False)
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None]


def test_stopped_while_kagglehub_unpacks_the_archive_is_there_still(kaggle, data, expected, out, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", stop)  # which zipfile unpacks with
        with pytest.raises(KeyboardInterrupt):
            fetch(out, None, expected, progress=False)
    assert next(out.parent.rglob("*.archive")).read_bytes() == kaggle.content
    assert fetch(out, None, expected, progress=False)
    assert files(out) == files(data)


@pytest.mark.parametrize(("status", "message"), [
    (401, r"refuses to send .* \(HTTP 401\).*Make a token.*KAGGLE_API_TOKEN"),
    (403, r"refuses to send .* \(HTTP 403\).*Make a token.*KAGGLE_API_TOKEN"),
    (404, r"an error \(HTTP 404\)"), (429, r"an error \(HTTP 429\)"), (503, r"an error \(HTTP 503\)")])
def test_kaggle_refuses(kaggle, expected, out, status, message):
    kaggle.refusal = status
    with pytest.raises(DatasetError, match=rf"(?s){message}.*press Download.*unet_lib data fetch --archive") as caught:
        fetch(out, None, expected, progress=False)
    assert "is kept in" not in str(caught.value) and nothing_is_left(out)


def test_kaggle_cannot_be_reached(kaggle, expected, out, monkeypatch):
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    with pytest.raises(DatasetError, match=r"(?s)cannot be reached.*\(ConnectionError\).*Check the network.*--archive"):
        fetch(out, None, expected, progress=False)
    assert nothing_is_left(out)


def test_a_networks_sign_in_page_in_kaggles_place(kaggle, expected, out):
    kaggle.page = "<html>Welcome to the school's network</html>"
    with pytest.raises(DatasetError, match="cannot be reached, or the connection broke"):
        fetch(out, None, expected, progress=False)


@pytest.mark.parametrize("noticed_by", ["MD5", "unpacking", "verifying"])
def test_a_damaged_download_is_removed_and_the_next_one_begins_anew(kaggle, data, expected, out, tmp_path, noticed_by):
    good, md5 = kaggle.content, kaggle.md5
    if noticed_by == "verifying":
        shutil.copytree(data, tmp_path / "other")
        shutil.rmtree(tmp_path / "other" / PATIENT)
        kaggle.content = zipped(tmp_path / "other", tmp_path / "other.zip").read_bytes()
    else:
        kaggle.content = bytes(reversed(good))
    if noticed_by != "MD5":
        kaggle.md5 = base64.b64encode(hashlib.md5(kaggle.content).digest()).decode()
    with pytest.raises(DatasetError, match=r"(?s)removed\. Run the same command again.*press Download"):
        fetch(out, None, expected, progress=False)
    assert nothing_is_left(out)
    kaggle.content, kaggle.md5 = good, md5
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None, None]


def test_a_disk_that_is_full_while_downloading_keeps_what_has_come(kaggle, data, expected, out, monkeypatch):
    import kagglehub

    def half_a_download(_):
        archive = Path(os.environ["KAGGLEHUB_CACHE"], "datasets", "mateuszbuda", "lgg-mri-segmentation", "3.archive")
        archive.parent.mkdir(parents=True)
        archive.write_bytes(kaggle.content[:3_000_000])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(kagglehub, "dataset_download", half_a_download)
        with pytest.raises(DatasetError, match=r"(?s)No space left.*Free some space.*is kept in .*unfinished"):
            fetch(out, None, expected, progress=False)
    assert not out.exists()
    assert fetch(out, None, expected, progress=False)
    assert kaggle.ranges == [None, "bytes=3000000-"] and files(out) == files(data)


def test_without_a_network_the_command_says_what_to_do(run_cli, out, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    done = run_cli("data", "fetch", "--out", out)
    assert done.returncode == 2
    assert done.stderr.startswith("error: Kaggle cannot be reached") and "--archive archive.zip" in done.stderr
    assert "mateuszbuda/lgg-mri-segmentation" in done.stderr and "Traceback" not in done.stderr
    assert nothing_is_left(out)
