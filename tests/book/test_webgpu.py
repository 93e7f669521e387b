"""The U-Net's WebGPU shaders, on Chromium's software adapter: every map beside the plain JavaScript's."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator

import pytest
from browser import BROWSERS, FLAGS
from repository import REPOSITORY

ADAPTER = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
COMPARE = """async (weights) => {
    const { WebGpuUNet, openDevice } = await import("/book/live/unet/webgpu.js");
    const { UNet } = await import("/book/live/unet/network.js");
    const { readSafetensors } = await import("/book/live/unet/safetensors.js");
    const device = await openDevice();
    if (!device) return null;
    const faults = [];
    device.addEventListener("uncapturederror", ({ error }) => faults.push(error.message));
    const bytes = new Uint8Array(await (await fetch(weights)).arrayBuffer());
    const { tensors, metadata } = readSafetensors(bytes);
    const { architecture } = JSON.parse(metadata.glass_box_unet);
    const [plain, shaders] = [new UNet(tensors, architecture), new WebGpuUNet(tensors, architecture, device)];
    const value = (at, turn) => 2 * Math.sin(0.11 * at + turn) + Math.cos(0.013 * at);
    const image = (turn) => ({ channels: 3, height: 32, width: 32,
        values: Float32Array.from({ length: 3072 }, (_, at) => value(at, turn)) });
    const worst = {};
    const compare = () => {
        for (const [name, { values }] of Object.entries(shaders.maps)) {
            if (name === "input") continue;
            const wanted = plain.maps[name].values;
            const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
            const error = values.reduce((most, value, at) => Math.max(most, Math.abs(value - wanted[at])), 0) / largest;
            worst[name] = Math.max(worst[name] ?? 0, error);
        }
    };
    for (const turn of [0, 1]) {
        plain.forward(image(turn));
        await shaders.forward(image(turn));
        compare();
    }
    for (const cut of [[1], [2, 3], []]) {
        plain.decode(cut);
        await shaders.decode(cut);
        compare();
    }
    const skip = plain.maps["encoder.2"];
    const other = { 2: { ...skip, values: skip.values.map((value, at) => Math.cos(at)) } };
    plain.decode([], other);
    await shaders.decode([], other);
    compare();
    return [worst, faults];
}"""


@pytest.fixture(scope="module")
def page(chromium: object) -> Iterator[object]:
    """A page of a server, in a Chromium that computes shaders in software."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=REPOSITORY)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = chromium.browser_type.launch(
            executable_path=next(filter(None, map(shutil.which, BROWSERS))),
            args=[*(flag for flag in FLAGS if flag != "--disable-gpu"), *ADAPTER])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/book/playground/playground.html")
        yield page
        browser.close()
        server.shutdown()


@pytest.mark.parametrize("weights", ["lgg-steps/step-1600", "playground-steps/step-4000"])
def test_all_maps_of_the_shaders_are_those_of_plain_javascript(page, weights):
    found = page.evaluate(COMPARE, f"/data/models/{weights}.safetensors")
    if found is None:
        pytest.skip("this Chromium offers no WebGPU adapter, not even in software")
    errors, faults = found
    assert not faults
    assert {"encoder.1.relu1", "pool.1", "bottleneck", "concat.2", "decoder.1", "output"} <= errors.keys()
    assert max(errors.values()) <= 1e-4, max(errors.items(), key=lambda item: item[1])
