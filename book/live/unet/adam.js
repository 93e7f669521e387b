// Adam (Kingma & Ba 2015): each weight moves against its average gradient, divided by how large its gradients usually are.

const BETAS = [0.9, 0.999]; // how much of the averages stays at each step
const TINY = 1e-8; // so that nothing is divided by 0

/** Moves the named weights; the same numbers as torch.optim.Adam. `learningRate` may be changed between steps. */
export class Adam {
  constructor(tensors, learningRate) {
    Object.assign(this, { tensors, learningRate, steps: 0, averages: {} });
  }

  /** One step against the gradients, name → numbers. */
  step(gradients) {
    this.steps += 1;
    // The averages start at 0, and are too small by these factors at first.
    const [first, second] = BETAS.map((beta) => 1 - beta ** this.steps);
    for (const [name, gradient] of Object.entries(gradients)) {
      const weights = this.tensors[name];
      const { mean, square } = (this.averages[name] ??= { mean: new Float32Array(gradient.length), square: new Float32Array(gradient.length) });
      for (let at = 0; at < gradient.length; at++) {
        mean[at] += (1 - BETAS[0]) * (gradient[at] - mean[at]);
        square[at] += (1 - BETAS[1]) * (gradient[at] ** 2 - square[at]);
        weights[at] -= (this.learningRate * (mean[at] / first)) / (Math.sqrt(square[at] / second) + TINY);
      }
    }
  }
}
