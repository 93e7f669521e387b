// node initial_weights.mjs ARCHITECTURE: the weights drawn from seed 1, from seed 2, and from seed 1 again.

import { initialWeights, seededRandom } from "../../../book/live/unet/initial_weights.js";

const drawn = [1, 2, 1].map((seed) => initialWeights(JSON.parse(process.argv[2]), seededRandom(seed)));
console.log(JSON.stringify(drawn, (_, value) => (value instanceof Float32Array ? [...value] : value)));
