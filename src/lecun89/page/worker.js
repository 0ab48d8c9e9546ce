// Trains in a worker: slices of a few milliseconds, between which messages are heeded.
//
// It takes {type: "load", kernel, variants, digits}, {type: "train", number, variant, seed, lr,
// passes}, {type: "pause"}, {type: "resume"} and {type: "reset"}; what it sends is in `trainAll`,
// with the number of the training.

import { loadKernel, nextTask } from "./kernel.js";

const SLICE_MS = 8;
const REPORT_MS = 100;

let loaded; // {kernel, digits}
let current = null; // the training that goes on; another or none ends it
let paused = false;
let wake = () => {};

const orders = {
  async load({ kernel, variants, digits }) {
    loaded = { kernel: await loadKernel(kernel, variants), digits };
    postMessage({ type: "ready" });
  },
  async train({ number, variant, seed, lr, passes }) {
    orders.reset();
    const training = loaded.kernel.training({ variant, seed, lr, passes, ...loaded.digits.train });
    current = training;
    try {
      await trainAll(training, (message) => postMessage({ ...message, number }));
    } finally {
      training.free();
      if (current === training) current = null;
    }
  },
  pause() {
    paused = true;
  },
  resume() {
    paused = false;
    wake();
  },
  reset() {
    current = null;
    orders.resume();
  },
};

self.onmessage = async ({ data }) => {
  try {
    await orders[data.type ?? data](data);
  } catch (error) {
    postMessage({ type: "error", message: error.message, number: data.number });
  }
};

/** Train to the end, or until another order replaces this training. */
async function trainAll(training, send) {
  const { test } = loaded.digits;
  let seconds = 0;
  for (let pass = 1; pass <= training.passes; pass++) {
    let before = 0; // steps at the last report
    let since = 0; // seconds of training since then
    let reported = performance.now();
    const began = seconds;
    for (let finished = false; !finished; ) {
      await nextTask();
      while (paused && current === training) await new Promise((resolve) => (wake = resolve));
      if (current !== training) return;
      const start = performance.now();
      const slice = training.pass(SLICE_MS);
      const spent = (performance.now() - start) / 1000;
      seconds += spent;
      since += spent;
      finished = slice.finished;
      if (finished || performance.now() - reported < REPORT_MS) continue;
      const microseconds = (1e6 * since) / (slice.done - before);
      const { steps } = training;
      const weights = training.weights();
      send({ type: "progress", pass, step: slice.done, steps, microseconds, weights });
      before = slice.done;
      since = 0;
      reported = performance.now();
    }
    const scores = [training.evaluate(), training.evaluate(test.images, test.labels)];
    if (!training.isFinite() || !scores.every(({ loss }) => Number.isFinite(loss)))
      throw new Error(`training became non-finite in pass ${pass}: try a smaller learning rate`);
    const [ofTrain, ofTest] = scores.map(({ loss, misses }) => ({ loss, misses }));
    const microseconds = (1e6 * (seconds - began)) / training.steps;
    const report = { type: "pass", pass, train: ofTrain, test: ofTest, microseconds, seconds };
    send({ ...report, weights: training.weights() });
  }
  send({ type: "done" });
}
