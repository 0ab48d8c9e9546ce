// Error after each pass, beside what the paper and the blog report.
import { byId } from "./dom.js";
import { errorOf } from "./then.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const TOPS = [[6, 1], [8, 2], [12, 2], [20, 5], [40, 10], [60, 10], [100, 20]];

function draw(tag, attributes, text) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * `history`: [{pass, train, test}] with errors in percent, `passes`: how many there will be,
 * `sources`: [{name, error}].
 */
export function drawChart(history, passes, sources) {
  const box = byId("chart"), { width, height } = box.getBoundingClientRect();
  if (!width) return;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const left = 2.2 * rem, right = width - 6 * rem, top = 0.6 * rem, bottom = height - 1.8 * rem;
  // The first pass of a slow variant may be off the chart, but no later one.
  const most = Math.max(...sources.map(({ error }) => error), ...history.slice(Math.min(2, history.length - 1)).map(({ test }) => test));
  const [high, step] = TOPS.find(([limit]) => limit > most) ?? TOPS.at(-1);
  const x = (pass) => left + ((right - left) * (pass - 1)) / Math.max(passes - 1, 1);
  const y = (error) => bottom - ((bottom - top) * Math.min(error, high)) / high;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (let error = 0; error <= high; error += step) {
    svg.append(draw("line", { class: "axis", x1: left, x2: right, y1: y(error), y2: y(error) }));
    svg.append(draw("text", { x: left - 0.5 * rem, y: y(error) + 0.28 * rem, "text-anchor": "end" }, error));
  }
  for (const pass of ticks(passes)) {
    svg.append(draw("text", { x: x(pass), y: height - 0.3 * rem, "text-anchor": "middle" }, pass));
  }
  let lowest = -Infinity;
  for (const { name, error } of [...sources].sort((a, b) => b.error - a.error)) {
    svg.append(draw("line", { class: "source-line", x1: left, x2: right, y1: y(error), y2: y(error) }));
    const at = Math.max(y(error) + 0.28 * rem, lowest + 1.05 * rem);
    svg.append(draw("text", { class: "source-name", x: right + 0.5 * rem, y: (lowest = at) }, `${name} ${errorOf({ error })}`));
  }
  for (const split of ["train", "test"]) {
    const points = history.map((of) => `${x(of.pass).toFixed(1)},${y(of[split]).toFixed(1)}`);
    if (points.length > 1) svg.append(draw("polyline", { class: `${split}-line`, points: points.join(" ") }));
    const last = history.at(-1);
    if (last) svg.append(draw("circle", { class: `of-${split}`, r: 0.3 * rem, cx: x(last.pass), cy: y(last[split]) }));
  }
  box.replaceChildren(svg);
}

function ticks(passes) {
  if (passes <= 1) return [1];
  const every = [1, 2, 5, 10, 20, 50, 100].find((step) => passes / step <= 6) ?? 200;
  const between = [];
  for (let pass = every; pass < passes - every / 2; pass += every) if (pass > 1) between.push(pass);
  return [1, ...between, passes];
}
