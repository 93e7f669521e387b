// The points of the embedding map as plain numbers: where they are between two steps, and which one is meant.

/** Every coordinate between those of two planes, both Float32Arrays x, y, x, y, …; 0 is the first plane, 1 the other. */
export function between(from, to, fraction) {
  return from.map((value, at) => value + fraction * (to[at] - value));
}

/** Slow at both ends, fast in the middle; from 0 to 1. */
export const eased = (time) => (time >= 1 ? 1 : time <= 0 ? 0 : time * time * (3 - 2 * time));

/** The square around the points of all planes: its middle, and half its side. */
export function frameOf(planes) {
  const [least, most] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  for (const plane of planes) {
    plane.forEach((value, at) => {
      least[at % 2] = Math.min(least[at % 2], value);
      most[at % 2] = Math.max(most[at % 2], value);
    });
  }
  const [x, y] = [0, 1].map((axis) => (least[axis] + most[axis]) / 2);
  return { x, y, half: Math.max(most[0] - least[0], most[1] - least[1]) / 2 || 1 };
}

/** The number of the nearest point that `counts(point)`, no further away than `reach`; −1 if there is none. */
export function nearestPoint(points, [x, y], reach, counts) {
  let [found, least] = [-1, reach * reach];
  for (let point = 0; 2 * point < points.length; point++) {
    const apart = (points[2 * point] - x) ** 2 + (points[2 * point + 1] - y) ** 2;
    if (apart <= least && counts(point)) [found, least] = [point, apart];
  }
  return found;
}

/** The next point that counts, in this direction (1 or −1), round at the end; the same one if there is no other. */
export function nextPoint(count, from, direction, counts) {
  for (let step = 1; step <= count; step++) {
    const point = (((from + direction * step) % count) + count) % count;
    if (counts(point)) return point;
  }
  return from;
}
