// The network in the page: a published one, one from a file, or the one that is being trained.
import { nextTask } from "./kernel.js";

const AT_ONCE = 100; // digits at a time: a millisecond or two
const used = [], judged = [];

/**
 * {variant, activation, weights, title, published, passes, seed, threshold, rejected, net,
 *  verdicts}: `net` is the kernel's, `verdicts` is null until the test digits are read.
 */
export let network = null;

export const onNetwork = (listener) => used.push(listener);
export const onVerdicts = (listener) => judged.push(listener);

/** Put a network into the page. */
export function useNetwork(kernel, description) {
  network = { ...description, net: kernel.network(description.variant, description.weights), verdicts: null };
  for (const listener of used) listener(network);
}

/** Let the network read the test digits, a few at a time, unless another takes its place. */
export async function judge(test) {
  const mine = network;
  const predictions = new Uint8Array(test.labels.length), margins = new Float32Array(test.labels.length);
  let misses = 0;
  for (let from = 0; from < test.labels.length; from += AT_ONCE) {
    const to = Math.min(from + AT_ONCE, test.labels.length);
    const found = mine.net.evaluate(test.images.subarray(256 * from, 256 * to), test.labels.subarray(from, to));
    predictions.set(found.predictions, from);
    margins.set(found.margins, from);
    misses += found.misses;
    await nextTask();
    if (network !== mine) return;
  }
  mine.verdicts = { predictions, margins, misses, total: test.labels.length };
  for (const listener of judged) listener(mine);
}
