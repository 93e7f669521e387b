// The slices that book/training_set.py packed, as the network needs them.

/** What that file holds, once its `pixels` are unpacked to `bytes`: a list of slices, training before validation. */
export function slicesOf({ side, training, patients, patient_of: patientOf, numbers }, bytes) {
  const area = side * side;
  return numbers.map((number, index) => {
    const { name, statistics } = patients[patientOf[index]];
    const grey = bytes.subarray(3 * index * area, 3 * (index + 1) * area);
    const mask = bytes.subarray(3 * numbers.length * area).subarray(index * area, (index + 1) * area);
    return { name, number, forTraining: index < training, flair: grey.subarray(area, 2 * area), reference: mask,
      image: { channels: 3, height: side, width: side, values: normalisedSlice(grey, statistics, area) },
      mask: { channels: 1, height: side, width: side, values: Float32Array.from(mask) } };
  });
}

/** (grey level − patient's mean) / patient's standard deviation, channel by channel, as in unet_lib/data/intensity.py. */
function normalisedSlice(grey, [means, stds], area) {
  return Float32Array.from(grey, (level, at) => (level - means[Math.floor(at / area)]) / stds[Math.floor(at / area)]);
}
