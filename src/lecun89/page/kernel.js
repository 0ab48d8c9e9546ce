// The kernel (interface.cpp, compiled) as objects. All arithmetic of the network is in there.

const PARAMETERS = 9760;
const PIXELS = 256;
const LAYER_SIZES = { H1: 12 * 64, H2: 12 * 16, H3: 30, out: 10 };
const SLICE = 64; // steps between two looks at the clock

/** Bytes of a base64 text. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Resolves in a later task, so that the page is not held up; sooner than a timer would. */
export function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * The module with fused multiply-add (relaxed SIMD) where there is such a thing, else the plain one.
 *
 * @param from the page's document, or {kernel, "kernel-relaxed"} as bytes.
 * @returns {bytes, relaxed}
 */
export function chooseKernel(from) {
  const find = (name) => from[name] ?? bytesOf(from.getElementById(name).textContent);
  const bytes = find("kernel-relaxed");
  const relaxed = WebAssembly.validate(bytes);
  return { bytes: relaxed ? bytes : find("kernel"), relaxed };
}

/**
 * @param bytes of a module.
 * @param variants by name; of each, `fields` are those of a variant in the registry.
 */
export async function loadKernel(bytes, variants) {
  const { instance } = await WebAssembly.instantiate(bytes);
  instance.exports._initialize();
  return new Kernel(instance.exports, variants);
}

class Kernel {
  constructor(code, variants) {
    this.code = code;
    this.known = variants;
    this.fields = [];
    for (let name; (name = this.text(code.field_name(this.fields.length))); ) this.fields.push(name);
    /** Of each plane of H2, the eight planes of H1 that it sees. */
    this.connections = Array.from({ length: 12 }, (_, plane) =>
      Array.from({ length: 8 }, (_, n) => code.plane_seen(plane, n)),
    );
    this.viewers = new Map(); // for each variant a model, and the network whose weights it has
    /** Names of the variants that can be trained. */
    this.variants = Object.keys(variants).filter((name) => this.canTrain(name));
  }

  /** A training from the weights that the seed stands for; seed is 0 to 2**32 - 1. */
  training({ variant, seed, lr, passes, images, labels }) {
    if (!this.variants.includes(variant)) throw new Error(`this page cannot train ${variant}`);
    if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
      throw new Error("the seed must be a whole number from 0 to 4294967295");
    const { fields } = this.known[variant];
    lr ??= fields.lr;
    passes ??= this.known[variant].passes;
    if (!(lr > 0 && lr < Infinity)) throw new Error("the learning rate must be above 0");
    if (!(Number.isInteger(passes) && passes > 0)) throw new Error("there must be 1 pass or more");
    checkDigits(images, labels);
    const model = this.makeModel(variant, seed);
    const byRoot = fields.initialization === "sqrt_fan_in";
    this.code.draw_weights(model, seed, byRoot, fields.output_bias);
    return new Training(this, model, { decay: fields.lr_decay, lr, passes }, images, labels);
  }

  /** A network to look at, with weights in the order H1w H1b H2w H2b H3w H3b outw outb. */
  network(variant, weights) {
    if (!this.viewers.has(variant))
      this.viewers.set(variant, { model: this.makeModel(variant, 0), shows: null });
    if (weights.length !== PARAMETERS || !weights.every(Number.isFinite))
      throw new Error(`a network has ${PARAMETERS} weights, all of them finite`);
    return new ShownNetwork(this, variant, Float32Array.from(weights));
  }

  /** The model of a variant that has this network's weights. */
  modelOf(network) {
    const viewer = this.viewers.get(network.variant);
    if (viewer.shows !== network) {
      this.lend([network.weights], (weights) => this.code.set_weights(viewer.model, weights));
      viewer.shows = network;
    }
    return viewer.model;
  }

  makeModel(variant, seed) {
    if (!Object.hasOwn(this.known, variant)) throw new Error(`this page does not know ${variant}`);
    const fields = { ...this.known[variant].fields, seed };
    const model = this.keep(this.code.make_model());
    this.fields.forEach((name, place) => {
      const value = fields[name];
      const word = typeof value === "number" ? "" : (value ?? "none");
      this.lend([new TextEncoder().encode(`${word}\0`)], (text) => {
        if (!this.code.set_field(model, place, text, Number(value)))
          throw new Error(`this page does not know ${name} ${value}`);
      });
    });
    const refused = this.text(this.code.refuse(model));
    if (refused) throw new Error(`${variant}: ${refused}`);
    return model;
  }

  canTrain(variant) {
    let model;
    try {
      model = this.makeModel(variant, 0);
    } catch {
      return false;
    }
    const can = this.code.can_train(model);
    this.code.release(model);
    return Boolean(can);
  }

  /** {loss, misses, predictions, margins} of digits whose images and labels lie at these places. */
  evaluate(model, images, labels, count) {
    const results = [new Uint8Array(count), new Float32Array(count), new Float64Array(1)];
    return this.lend(results, (...places) => {
      const misses = this.code.evaluate(model, images, labels, count, ...places);
      const [predictions, margins, loss] = results.map((of, i) => this.read(of, places[i]));
      return { loss: loss[0], misses, predictions, margins };
    });
  }

  /** What work(...places) gives, with arrays copied to those places of the module's memory. */
  lend(arrays, work) {
    const places = arrays.map((array) => this.put(array));
    try {
      return work(...places);
    } finally {
      for (const place of places) this.code.release(place);
    }
  }

  put(array) {
    const place = this.keep(this.code.allocate(array.byteLength));
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    new Uint8Array(this.code.memory.buffer).set(bytes, place);
    return place;
  }

  keep(place) {
    if (!place) throw new Error("the page has no memory left");
    return place;
  }

  /** A copy of what lies at a place, of the kind and length of an array. */
  read(like, place) {
    return new like.constructor(this.code.memory.buffer, place, like.length).slice();
  }

  text(place) {
    if (!place) return null;
    const bytes = new Uint8Array(this.code.memory.buffer, place);
    return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
  }
}

class Training {
  constructor(kernel, model, { decay, lr, passes }, images, labels) {
    Object.assign(this, { kernel, model, decay, lr, passes, steps: labels.length });
    this.images = kernel.put(images);
    this.labels = kernel.put(labels);
    this.number = 1; // of the pass
    this.done = 0; // its steps
  }

  /** The learning rate of a pass, counted from 1: on a straight line from `lr` to `lr / decay`. */
  lrAt(number) {
    if (this.decay === 1 || this.passes === 1) return this.lr;
    const share = (number - 1) / (this.passes - 1);
    return (1 - share) * this.lr + share * (this.lr / this.decay);
  }

  /** Train for about so many milliseconds, or until the end of a pass; then the next call starts
   * the next. */
  pass(budgetMs = Infinity) {
    const end = performance.now() + budgetMs;
    if (this.done === this.steps) {
      this.number += 1;
      this.done = 0;
    }
    do {
      const last = Math.min(this.done + SLICE, this.steps);
      const lr = this.lrAt(this.number);
      const span = [this.number, this.done, last, lr];
      this.kernel.code.train(this.model, this.images, this.labels, this.steps, ...span);
      this.done = last;
    } while (this.done < this.steps && performance.now() < end);
    return { done: this.done, finished: this.done === this.steps };
  }

  /** {loss, misses, predictions, margins} of digits; of those it is trained on when left out. */
  evaluate(images, labels) {
    const { kernel, model } = this;
    if (!images) return kernel.evaluate(model, this.images, this.labels, this.steps);
    checkDigits(images, labels);
    return kernel.lend([images, labels], (...places) =>
      kernel.evaluate(model, ...places, labels.length),
    );
  }

  weights() {
    const empty = new Float32Array(PARAMETERS);
    return this.kernel.lend([empty], (place) => {
      this.kernel.code.get_weights(this.model, place);
      return this.kernel.read(empty, place);
    });
  }

  isFinite() {
    return Boolean(this.kernel.code.is_finite(this.model));
  }

  free() {
    for (const place of [this.model, this.images, this.labels]) this.kernel.code.release(place);
    this.model = null;
  }
}

class ShownNetwork {
  constructor(kernel, variant, weights) {
    Object.assign(this, { kernel, variant, weights });
  }

  /** {H1, H2, H3, out} of an image (256 pixels from -1 to 1), planes and rows in order. */
  layers(image) {
    if (image.length !== PIXELS) throw new Error(`an image has ${PIXELS} pixels`);
    const { kernel } = this;
    const model = kernel.modelOf(this);
    const sizes = Object.values(LAYER_SIZES);
    const all = new Float32Array(sizes.reduce((sum, size) => sum + size));
    const values = kernel.lend([image, all], (...places) => {
      kernel.code.layers(model, ...places);
      return kernel.read(all, places[1]);
    });
    let end = 0;
    return Object.fromEntries(
      Object.entries(LAYER_SIZES).map(([name, size]) => [name, values.slice(end, (end += size))]),
    );
  }

  /** {loss, misses, predictions, margins} of digits. */
  evaluate(images, labels) {
    checkDigits(images, labels);
    const model = this.kernel.modelOf(this);
    return this.kernel.lend([images, labels], (...places) =>
      this.kernel.evaluate(model, ...places, labels.length),
    );
  }
}

function checkDigits(images, labels) {
  const right =
    images instanceof Float32Array &&
    labels instanceof Uint8Array &&
    labels.length > 0 &&
    images.length === PIXELS * labels.length &&
    labels.every((label) => label < 10);
  if (!right) throw new Error("digits are 256 floats and a label from 0 to 9 each");
}
