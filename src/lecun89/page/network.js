// The network in the page: a published one, one from a file, or the one that is being trained.
import { nextTask } from "./kernel.js";

const AT_ONCE = 100; // digits at a time: a millisecond or two
const used = [], judged = [];

/**
 * {variant, activation, weights, title, published, passes, seed, threshold, rejected, net},
 * where `net` is the kernel's.
 */
export let network = null;

/** What it, or one a moment ago, makes of the test digits: {predictions, margins, misses, total, title}. */
export let verdicts = null;

export const onNetwork = (listener) => used.push(listener);
export const onVerdicts = (listener) => judged.push(listener);

/** Put a network into the page. */
export function useNetwork(kernel, description) {
  network = { ...description, net: kernel.network(description.variant, description.weights) };
  for (const listener of used) listener(network);
}

let turns = 0;

/** Let the network read the test digits, a few at a time, unless another begins to. */
export async function judge(test) {
  const { net, title } = network, turn = ++turns, total = test.labels.length;
  const predictions = new Uint8Array(total), margins = new Float32Array(total);
  let misses = 0;
  for (let from = 0; from < total; from += AT_ONCE) {
    const to = Math.min(from + AT_ONCE, total);
    const found = net.evaluate(test.images.subarray(256 * from, 256 * to), test.labels.subarray(from, to));
    predictions.set(found.predictions, from);
    margins.set(found.margins, from);
    misses += found.misses;
    await nextTask();
    if (turn !== turns) return;
  }
  verdicts = { predictions, margins, misses, total, title };
  for (const listener of judged) listener(verdicts);
}
