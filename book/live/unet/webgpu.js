// The same U-Net on a graphics card, where the browser lends one (WebGPU). Batch norms are folded into the convolutions
// before them, so there are no maps between a convolution and its ReLU; all other maps are read back, under the same names.

import { EPSILON } from "./operations.js";

const GROUP = 64; // pixels that one group of threads computes

const SHADER_HEAD = `
struct Shape { inputs: u32, outputs: u32, height: u32, width: u32, first: u32, relu: u32 };
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
`;

/** Each thread computes one pixel, number `at`, of one output channel. Height and width are those of the input. */
const SHADERS = {
  convolution: `${SHADER_HEAD}
fn pixel(channel: u32, y: i32, x: i32) -> f32 {
  if (y < 0 || x < 0 || y >= i32(shape.height) || x >= i32(shape.width)) { return 0.0; }
  return input[(channel * shape.height + u32(y)) * shape.width + u32(x)];
}
@compute @workgroup_size(${GROUP}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x;
  if (at >= shape.height * shape.width) { return; }
  let y = i32(at / shape.width);
  let x = i32(at % shape.width);
  let side = i32(SIDE);
  var sum = bias[id.y];
  for (var channel = 0u; channel < shape.inputs; channel++) {
    let kernel = (id.y * shape.inputs + channel) * u32(side * side);
    for (var row = 0; row < side; row++) {
      for (var column = 0; column < side; column++) {
        sum += weight[kernel + u32(row * side + column)] * pixel(channel, y + row - side / 2, x + column - side / 2);
      }
    }
  }
  output[id.y * shape.height * shape.width + at] = select(sum, max(sum, 0.0), shape.relu == 1u);
}`,
  pooling: `${SHADER_HEAD}
@compute @workgroup_size(${GROUP}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = shape.width / 2;
  let at = id.x;
  if (at >= shape.height / 2 * width) { return; }
  let corner = (id.y * shape.height + 2 * (at / width)) * shape.width + 2 * (at % width);
  output[id.y * (shape.height / 2 * width) + at] = max(max(input[corner], input[corner + 1]),
    max(input[corner + shape.width], input[corner + shape.width + 1]));
}`,
  transposed: `${SHADER_HEAD}
@compute @workgroup_size(${GROUP}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = 2 * shape.width;
  let at = id.x;
  if (at >= 2 * shape.height * width) { return; }
  let y = at / width;
  let x = at % width;
  let corner = 2 * (y % 2) + x % 2;
  var sum = bias[id.y];
  for (var channel = 0u; channel < shape.inputs; channel++) {
    sum += weight[4 * (channel * shape.outputs + id.y) + corner] * input[(channel * shape.height + y / 2) * shape.width + x / 2];
  }
  output[(shape.first + id.y) * 2 * shape.height * width + at] = sum;
}`,
};

/** A device to compute on; null where the browser has none. */
export async function openDevice() {
  try {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter();
    return (await adapter?.requestDevice()) ?? null;
  } catch {
    return null;
  }
}

export class WebGpuUNet {
  /** As UNet's, with a device; see network.js. */
  constructor(tensors, architecture, device) {
    Object.assign(this, { ...architecture, device, maps: {}, buffers: {}, layers: {} });
    this.levels = Array.from({ length: this.depth }, (_, index) => index + 1);
    this.buildPipelines();
    for (const [name, weights] of Object.entries(folded(tensors, this.batch_norm))) {
      this.layers[name] = { weight: this.filled(weights.weight), bias: this.filled(weights.bias), outputs: weights.bias.length };
    }
    this.none = this.filled(new Float32Array(1)); // for operations without weights
  }

  buildPipelines() {
    const { device } = this;
    const types = ["uniform", "read-only-storage", "storage", "read-only-storage", "read-only-storage"];
    this.bindings = device.createBindGroupLayout({ entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })) });
    const layout = device.createPipelineLayout({ bindGroupLayouts: [this.bindings] });
    const codes = { ...SHADERS, convolution3: SHADERS.convolution.replace("SIDE", "3"), convolution1: SHADERS.convolution.replace("SIDE", "1") };
    this.pipelines = {};
    for (const name of ["convolution3", "convolution1", "pooling", "transposed"]) {
      this.pipelines[name] = device.createComputePipeline({ layout, compute: { module: device.createShaderModule({ code: codes[name] }), entryPoint: "main" } });
    }
  }

  /** The logits of an image. All maps are in `maps` then. */
  async forward(image, cut = []) {
    this.begin();
    let x = this.given("input", image);
    for (const level of this.levels) {
      x = this.doubleConv(`encoder.${level}`, x);
      x = this.pooled(`pool.${level}`, x);
    }
    this.bottom = this.doubleConv("bottleneck", x);
    return this.ended(cut);
  }

  /** The decoder alone, from the maps that the encoder left; `instead` as in UNet's. */
  async decode(cut = [], instead = {}) {
    this.begin();
    return this.ended(cut, instead);
  }

  async ended(cut, instead = {}) {
    let x = this.bottom;
    for (const level of [...this.levels].reverse()) {
      x = this.joined(level, x, cut.includes(level), instead[level]);
      x = this.doubleConv(`decoder.${level}`, x);
    }
    this.run("convolution1", "output", x, { outputs: 1, height: x.height, width: x.width }, this.layers.output);
    await this.read();
    return this.maps.output;
  }

  // ---- operations -----------------------------------------------------------------------------------------

  doubleConv(name, x) {
    for (const step of [1, 2]) {
      const layer = this.layers[`${name}.conv${step}`];
      x = this.run("convolution3", step === 1 ? `${name}.relu1` : name, x, { outputs: layer.outputs, height: x.height, width: x.width }, layer, 1);
    }
    return x;
  }

  pooled(name, x) {
    return this.run("pooling", name, x, { outputs: x.channels, height: x.height / 2, width: x.width / 2 });
  }

  /** The skip's channels, or zeros, or other maps instead; behind them the enlarged maps from below. */
  joined(level, x, isCut, instead) {
    const [layer, skip] = [this.layers[`up.${level}`], this.buffers[`encoder.${level}`]];
    const result = this.place(`concat.${level}`, skip.channels + layer.outputs, skip.height, skip.width);
    const bytes = 4 * skip.channels * skip.height * skip.width;
    if (instead) this.device.queue.writeBuffer(result.buffer, 0, instead.values);
    else if (isCut) this.encoder.clearBuffer(result.buffer, 0, bytes);
    else this.encoder.copyBufferToBuffer(skip.buffer, 0, result.buffer, 0, bytes);
    this.dispatch("transposed", x, result, layer.outputs, layer, { first: skip.channels });
    return result;
  }

  run(kind, name, x, { outputs, height, width }, layer, relu = 0) {
    const result = this.place(name, outputs, height, width);
    this.dispatch(kind, x, result, outputs, layer, { relu });
    return result;
  }

  dispatch(kind, x, result, outputs, layer = { weight: this.none, bias: this.none }, { first = 0, relu = 0 } = {}) {
    const shape = this.filled(new Uint32Array([x.channels, outputs, x.height, x.width, first, relu, 0, 0]), GPUBufferUsage.UNIFORM);
    this.spent.push(shape);
    const entries = [shape, x.buffer, result.buffer, layer.weight, layer.bias].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const pass = this.encoder.beginComputePass();
    pass.setPipeline(this.pipelines[kind]);
    pass.setBindGroup(0, this.device.createBindGroup({ layout: this.bindings, entries }));
    pass.dispatchWorkgroups(Math.ceil((result.height * result.width) / GROUP), outputs);
    pass.end();
  }

  // ---- memory ---------------------------------------------------------------------------------------------

  begin() {
    this.encoder = this.device.createCommandEncoder();
    this.spent = [];
  }

  filled(numbers, usage = GPUBufferUsage.STORAGE) {
    const buffer = this.device.createBuffer({ size: Math.max(numbers.byteLength, 4), usage: usage | GPUBufferUsage.COPY_DST });
    this.device.queue.writeBuffer(buffer, 0, numbers);
    return buffer;
  }

  given(name, { channels, height, width, values }) {
    const maps = this.place(name, channels, height, width);
    this.device.queue.writeBuffer(maps.buffer, 0, values);
    return maps;
  }

  /** Room for maps, kept from pass to pass. */
  place(name, channels, height, width) {
    const size = 4 * channels * height * width;
    if (this.buffers[name]?.buffer.size !== size) {
      this.buffers[name]?.buffer.destroy();
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      this.buffers[name] = { buffer: this.device.createBuffer({ size, usage }) };
    }
    return Object.assign(this.buffers[name], { channels, height, width });
  }

  /** All maps, by one copy to memory that the browser can read. */
  async read() {
    const kept = Object.entries(this.buffers);
    const total = kept.reduce((sum, [, { buffer }]) => sum + buffer.size, 0);
    const copy = this.device.createBuffer({ size: total, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    let offset = 0;
    for (const [, { buffer }] of kept) {
      this.encoder.copyBufferToBuffer(buffer, 0, copy, offset, buffer.size);
      offset += buffer.size;
    }
    this.device.queue.submit([this.encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const numbers = new Float32Array(copy.getMappedRange().slice(0));
    copy.destroy();
    for (const shape of this.spent) shape.destroy();
    offset = 0;
    for (const [name, { buffer, channels, height, width }] of kept) {
      this.maps[name] = { channels, height, width, values: numbers.subarray(offset, (offset += buffer.size / 4)) };
    }
  }
}

const TRIAL_SIDE = 128; // of the image on which both ways are tried
const CLOSE = 1e-3; // of the largest logit

/** Whether the shaders give what the plain network gives, and give it sooner by the clock `now`. */
export async function isBetter(shaders, plain, now = () => performance.now()) {
  const channels = plain.in_channels;
  const image = { channels, height: TRIAL_SIDE, width: TRIAL_SIDE, values: Float32Array.from({ length: channels * TRIAL_SIDE ** 2 }, (_, at) => Math.sin(at)) };
  const timed = async (network) => {
    await network.forward(image); // compiles, and takes its memory
    const start = now();
    const { values } = await network.forward(image);
    return [values, now() - start];
  };
  try {
    const [[wanted, longest], [found, time]] = [await timed(plain), await timed(shaders)];
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return time < longest && found.every((value, at) => Math.abs(value - wanted[at]) <= CLOSE * largest);
  } catch {
    return false;
  }
}

/** Weights and biases of every layer, batch norms folded in: weight × scale, and shift − mean × scale. */
export function folded(tensors, batchNorm) {
  const layers = {};
  for (const name of Object.keys(tensors).filter((key) => key.endsWith(".weight") && !/\.norm\d\./.test(key)).map((key) => key.slice(0, -7))) {
    const weight = tensors[`${name}.weight`];
    const norm = name.replace(".conv", ".norm");
    if (!batchNorm || norm === name) {
      layers[name] = { weight, bias: tensors[`${name}.bias`] };
      continue;
    }
    const of = (part) => tensors[`${norm}.${part}`];
    const scale = of("weight").map((gain, at) => gain / Math.sqrt(of("running_var")[at] + EPSILON));
    const each = weight.length / scale.length;
    layers[name] = { weight: weight.map((value, at) => value * scale[Math.floor(at / each)]),
      bias: of("bias").map((shift, at) => shift - of("running_mean")[at] * scale[at]) };
  }
  return layers;
}
