// Numbers as grey pictures: from the colour of the paper to that of the ink.

const schemes = matchMedia("(prefers-color-scheme: dark)");
let ramps = null;

const colour = (name) => {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
};

function ramp(from, to) {
  const colours = new Uint32Array(256);
  const bytes = new Uint8Array(colours.buffer);
  for (let step = 0; step < 256; step++) {
    for (let part = 0; part < 3; part++) {
      bytes[4 * step + part] = Math.round(from[part] + ((to[part] - from[part]) * step) / 255);
    }
    bytes[4 * step + 3] = 255;
  }
  return colours;
}

function currentRamps() {
  ramps ??= {
    grey: ramp(colour("--sunk"), colour("--ink")),
    quiet: ramp(colour("--paper"), colour("--soft")),
    marked: ramp(colour("--accent"), colour("--on-accent")),
  };
  return ramps;
}

/** Call `repaint` whenever the colours change. */
export function onColours(repaint) {
  schemes.addEventListener("change", () => { ramps = null; repaint(); });
}

/** Values from `low` (paper) to `high` (ink) as an ImageData. */
export function pixels(values, width, height, low, high, name = "grey") {
  const colours = currentRamps()[name];
  const image = new ImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  const scale = 255 / (high - low || 1);
  for (let at = 0; at < out.length; at++) {
    const step = (values[at] - low) * scale;
    out[at] = colours[step > 255 ? 255 : step > 0 ? Math.round(step) : 0];
  }
  return image;
}

/** Small pictures, put often: faster where they are kept out of the graphics card. */
export const contextOf = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

export function paint(canvas, values, low, high, name) {
  contextOf(canvas).putImageData(
    pixels(values, canvas.width, canvas.height, low, high, name), 0, 0,
  );
}

/** The range of grey for a layer: around 0 where its function is, else from its lowest value. */
export function range(values, activation) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (activation.endsWith("tanh")) {
    const most = Math.max(1, -low, high);
    return [-most, most];
  }
  return [Math.min(low, 0), Math.max(high, 1e-6)];
}
