// Strokes: taking them from mouse, pen and finger, and drawing them.
import { padSize } from "./state.js";

const PEN = 19, STEP = 3; // of 256: about 2.5 of MNIST's pixels for a tall digit

/** Points [x, y] of the stroke as it grows; `changed` after each, with the event's time. */
export function takeStrokes(pad, strokes, { begun, changed }) {
  let pointer = null, points = null;
  const place = (event) => {
    const box = pad.getBoundingClientRect(), border = pad.clientLeft;
    const at = (value, start, size) => {
      const within = ((value - start - border) / (size - 2 * border)) * padSize;
      return Math.min(Math.max(Math.round(within), 0), padSize - 1);
    };
    return [at(event.clientX, box.left, box.width), at(event.clientY, box.top, box.height)];
  };
  const add = (event) => {
    const [x, y] = place(event), last = points.at(-1);
    if (points.length < 65535 && (!last || Math.hypot(x - last[0], y - last[1]) >= STEP)) points.push([x, y]);
  };
  pad.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault();
    pointer = event.pointerId;
    pad.setPointerCapture(pointer);
    begun();
    points = [];
    strokes.push(points);
    add(event);
    changed(event.timeStamp);
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const one of between.length ? between : [event]) add(one);
    changed(event.timeStamp);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    pad.addEventListener(name, (event) => {
      if (event.pointerId === pointer) pointer = points = null;
    });
  }
}

/** Draw strokes in the current fill and stroke colour, `scale` times as large as the area. */
export function drawStrokes(context, strokes, scale) {
  context.save();
  context.scale(scale, scale);
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  for (const points of strokes) {
    context.beginPath();
    context.moveTo(...points[0]);
    if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
    for (let at = 1; at < points.length; at++) {
      const [x, y] = points[at], next = points[at + 1];
      if (next) context.quadraticCurveTo(x, y, (x + next[0]) / 2, (y + next[1]) / 2);
      else context.lineTo(x, y);
    }
    context.stroke();
  }
  context.restore();
}
