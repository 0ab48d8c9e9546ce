// What every layer makes of a digit.
import { byId, make, say } from "./dom.js";
import { contextOf, paint, range } from "./pictures.js";

const planesOf = { H1: [], H2: [] };
let sees = [], pinned = null;

/** `connections`: for each plane of H2 the planes of H1 that it sees. */
export function makeLayers(connections) {
  sees = connections;
  for (let plane = 0; plane < 12; plane++) {
    const first = make("canvas", { width: 8, height: 8 });
    const second = make("canvas", { width: 4, height: 4 });
    const label = `Plane ${plane + 1} of H2 sees ${listed(connections[plane])} of H1`;
    const button = make("button", { type: "button", "aria-pressed": "false", "aria-label": label }, second);
    button.addEventListener("click", () => {
      pinned = pinned === plane ? null : plane;
      mark(pinned);
    });
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && mark(plane));
    button.addEventListener("pointerleave", () => mark(pinned));
    planesOf.H1.push(first);
    planesOf.H2.push(second);
    byId("H1").append(first);
    byId("H2").append(button);
  }
  for (let digit = 0; digit < 10; digit++) {
    byId("out").append(make("li", {}, make("span", {}, String(digit)), make("i"), make("b", {}, "–")));
  }
}

function mark(plane) {
  for (const [at, canvas] of planesOf.H1.entries()) {
    canvas.classList.toggle("seen-by", plane !== null && sees[plane].includes(at));
    canvas.classList.toggle("unseen", plane !== null && !sees[plane].includes(at));
  }
  for (const [at, canvas] of planesOf.H2.entries()) {
    canvas.parentElement.setAttribute("aria-pressed", String(at === plane && at === pinned));
  }
  say("sees", plane === null
    ? "Touch a plane of H2 to see which planes of H1 it sees."
    : `Plane ${plane + 1} of H2 sees ${listed(sees[plane])} of H1.`);
}

/** As in "planes 1 to 4 and 9 to 12". */
function listed(planes) {
  const runs = [];
  for (const plane of planes) {
    const last = runs.at(-1);
    if (last && last[1] === plane - 1) last[1] = plane;
    else runs.push([plane, plane]);
  }
  return `planes ${runs.map(([from, to]) => (from === to ? from + 1 : `${from + 1} to ${to + 1}`)).join(" and ")}`;
}

/** `layers` as the kernel gives them, or null to clear. */
export function showLayers(layers, activation) {
  for (const [name, size] of [["H1", 64], ["H2", 16]]) {
    const limits = layers && range(layers[name], activation);
    for (const [plane, canvas] of planesOf[name].entries()) {
      if (layers) paint(canvas, layers[name].subarray(plane * size, (plane + 1) * size), ...limits);
      else contextOf(canvas).clearRect(0, 0, 8, 8);
    }
  }
  const units = byId("H3");
  if (layers) paint(units, layers.H3, ...range(layers.H3, activation));
  else contextOf(units).clearRect(0, 0, 6, 5);
  showOutputs(layers?.out);
}

function showOutputs(outputs) {
  const low = outputs ? Math.min(-1, ...outputs) : 0, high = outputs ? Math.max(1, ...outputs) : 1;
  const first = outputs ? outputs.indexOf(Math.max(...outputs)) : -1;
  for (const [digit, row] of [...byId("out").children].entries()) {
    const value = outputs?.[digit];
    row.className = digit === first ? "first" : "";
    row.children[1].style.setProperty("--much", outputs ? (value - low) / (high - low) : 0);
    row.children[2].textContent = outputs ? value.toFixed(2).replace("-", "−") : "–";
  }
}

/** The twelve 5x5 kernels of H1: the first 300 weights. */
export function makeKernels() {
  for (let plane = 0; plane < 12; plane++) byId("kernels").append(make("canvas", { width: 5, height: 5 }));
}

export function showKernels(weights) {
  const kernels = weights.subarray(0, 300);
  const most = kernels.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 1e-6);
  for (const [plane, canvas] of [...byId("kernels").children].entries()) {
    paint(canvas, kernels.subarray(25 * plane, 25 * plane + 25), -most, most);
  }
}
