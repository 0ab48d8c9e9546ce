// Draw a digit, and see how it is prepared and read.
import { byId, once, say } from "./dom.js";
import { reduceImage, SIDE } from "./digits.js";
import { contextOf, paint, range } from "./pictures.js";
import { network } from "./network.js";
import { asMnist, boundingBox, centreOfMass, cutOut } from "./normalise.js";
import { drawStrokes, takeStrokes } from "./strokes.js";
import { padSize } from "./state.js";
import { showLayers } from "./layers.js";

/** What is on the drawing area: strokes, or one of the test digits. */
export const drawn = { strokes: [], testDigit: null };

const ink = Object.assign(document.createElement("canvas"), { width: padSize, height: padSize });
const inkContext = ink.getContext("2d", { willReadFrequently: true });
const stamp = document.createElement("canvas");
let test = null, changed = () => {}, startedAt = null, saying = 0, paperRejected = null;

/**
 * `digits`: the test split. `whenChanged` is called after each change of what is drawn;
 * `rejected` is the percentage that the paper rejects.
 */
export function makePad(digits, whenChanged, rejected) {
  paperRejected = rejected;
  test = digits;
  changed = whenChanged;
  takeStrokes(byId("pad"), drawn.strokes, {
    begun: () => { drawn.testDigit = null; },
    changed: (time) => { startedAt ??= time; redraw(); },
  });
  byId("undo").addEventListener("click", () => { drawn.strokes.pop(); redraw(); });
  byId("clear").addEventListener("click", () => { clear(); redraw(); });
  for (const id of ["any-digit", "clear"]) byId(id).disabled = false;
}

function clear() {
  drawn.strokes.length = 0;
  drawn.testDigit = null;
}

export function showTestDigit(index) {
  clear();
  drawn.testDigit = index;
  redraw();
}

let digit = null;

/** After a change of what is drawn. */
export const redraw = once(() => {
  const began = performance.now();
  digit = drawn.testDigit === null ? fromStrokes() : fromTest(drawn.testDigit);
  reread();
  showPad();
  showSteps();
  byId("undo").disabled = !drawn.strokes.length;
  say("pad-note", drawn.testDigit === null
    ? "Draw a digit, 0 to 9, with mouse, pen or finger."
    : `Test digit ${drawn.testDigit}, a ${test.labels[drawn.testDigit]}. MNIST has already scaled and centred it. Draw to replace it.`);
  const end = performance.now();
  if (startedAt !== null) {
    performance.measure("stroke to layers", { start: startedAt, end });
    performance.measure("work for it", { start: began, end });
  }
  startedAt = null;
  changed();
});

/** After a change of the network. */
export function reread() {
  const layers = digit && network.net.layers(digit.input);
  showLayers(layers, network.activation);
  showAnswer(layers?.out);
}

function fromStrokes() {
  inkContext.clearRect(0, 0, padSize, padSize);
  drawStrokes(inkContext, drawn.strokes, 1);
  return prepare(inkContext.getImageData(0, 0, padSize, padSize));
}

/** A picture whose opacity is the ink, as the network sees it; null where it is blank. */
export function prepare({ data, width, height }) {
  const opacity = new Uint8Array(width * height);
  for (let at = 0; at < opacity.length; at++) opacity[at] = data[4 * at + 3];
  const digit = asMnist(opacity, width, height);
  return digit && { ...digit, size: width, input: reduceImage(digit.image) };
}

function fromTest(index) {
  const image = test.originals.subarray(SIDE * SIDE * index, SIDE * SIDE * (index + 1));
  const box = boundingBox(image, SIDE, SIDE, 0), { x, y, width, height } = box;
  const pixels = cutOut(image, SIDE, box), mass = centreOfMass(pixels, width, height);
  return {
    box, size: SIDE, image, small: { pixels, width, height }, placed: box, centre: [x + mass[0], y + mass[1]],
    input: test.images.subarray(256 * index, 256 * (index + 1)),
  };
}

function showPad() {
  const pad = byId("pad"), context = contextOf(pad), style = getComputedStyle(pad);
  context.clearRect(0, 0, pad.width, pad.height);
  context.strokeStyle = style.color;
  if (drawn.testDigit === null) drawStrokes(context, drawn.strokes, pad.width / padSize);
  else stretched(context, digit.image, pad.width, style.color);
}

/** MNIST's bytes as ink of one colour, as large as the canvas. */
function stretched(context, image, size, colour) {
  const bytes = new ImageData(SIDE, SIDE);
  for (let at = 0; at < image.length; at++) bytes.data[4 * at + 3] = image[at];
  stamp.width = stamp.height = SIDE;
  contextOf(stamp).putImageData(bytes, 0, 0);
  context.save();
  context.imageSmoothingQuality = "high";
  context.drawImage(stamp, 0, 0, size, size);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, size, size);
  context.restore();
}

function showSteps() {
  const [box, scaled, centred, input] = ["box", "scaled", "centred", "input"].map((name) => byId(`step-${name}`));
  for (const canvas of [box, scaled, centred, input]) {
    contextOf(canvas).clearRect(0, 0, canvas.width, canvas.height);
  }
  if (!digit) return;
  const accent = getComputedStyle(byId("light").querySelector("i")).getPropertyValue("--accent");
  const context = contextOf(box);
  context.drawImage(byId("pad"), 0, 0, box.width, box.height);
  outline(context, digit.box, box.width / digit.size, accent);
  const { pixels, width, height } = digit.small;
  const left = Math.floor((20 - width) / 2), top = Math.floor((20 - height) / 2);
  const framed = new Uint8Array(400);
  for (let y = 0; y < height; y++) framed.set(pixels.subarray(y * width, (y + 1) * width), (top + y) * 20 + left);
  enlarged(scaled, framed, 20);
  enlarged(centred, digit.image, SIDE);
  outline(contextOf(centred), digit.placed, centred.width / SIDE, accent);
  cross(contextOf(centred), digit.centre, centred.width / SIDE, accent);
  paint(input, digit.input, -1, 1);
}

function enlarged(canvas, values, side) {
  stamp.width = stamp.height = side;
  paint(stamp, values, 0, 255);
  const context = contextOf(canvas);
  context.imageSmoothingEnabled = false;
  context.drawImage(stamp, 0, 0, canvas.width, canvas.height);
}

function outline(context, { x, y, width, height }, scale, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 3;
  context.strokeRect(x * scale, y * scale, width * scale, height * scale);
}

function cross(context, [x, y], scale, colour) {
  const [across, down, arm] = [(x + 0.5) * scale, (y + 0.5) * scale, 1.6 * scale];
  context.strokeStyle = colour;
  context.lineWidth = 4;
  context.beginPath();
  context.moveTo(across - arm, down);
  context.lineTo(across + arm, down);
  context.moveTo(across, down - arm);
  context.lineTo(across, down + arm);
  context.stroke();
}

function showAnswer(outputs) {
  const { threshold, rejected } = network;
  const [second, first] = outputs ? [...outputs].sort((a, b) => a - b).slice(-2) : [0, 0];
  const margin = first - second;
  const [, most] = outputs ? range(outputs, "tanh") : [0, 1];
  const full = Math.max(2 * most, threshold ?? 0);
  const answer = outputs ? String(outputs.indexOf(first)) : "–";
  const state = !outputs ? "none" : threshold === null ? "unknown" : margin < threshold ? "rejected" : "accepted";
  say("answer", answer);
  byId("light").dataset.state = state;
  say("verdict", { none: "Draw a digit", unknown: "Read", rejected: "Rejected: too close to call", accepted: "Accepted" }[state]);
  byId("margin-bar").style.transform = `scaleX(${Math.min(margin / full, 1)})`;
  byId("threshold-mark").style.insetInlineStart = `${(100 * (threshold ?? 0)) / full}%`;
  say("margin", outputs ? `Margin between the two highest outputs: ${margin.toFixed(2)}` : "Margin between the two highest outputs");
  say("threshold-note", thresholdText(threshold, rejected));
  clearTimeout(saying);
  saying = setTimeout(() => say("said", outputs ? `Read as ${answer}, ${state}, margin ${margin.toFixed(2)}` : ""), 700);
}

function thresholdText(threshold, rejected) {
  if (threshold === null) return "No threshold is known for this network: the page holds no validation digits to choose one on.";
  if (rejected < 0.005) return "It rejects no digit: it misreads fewer than 1% of the validation digits as it is.";
  return `Rejected below ${threshold.toFixed(2)}: that is ${rejected.toFixed(1)}% of the validation digits, and 1% of the others are misread. The paper rejected ${paperRejected}%.`;
}
