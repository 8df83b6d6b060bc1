"use strict";
// Shows the run whose figures are in the element "data". Text of the run enters the page as text alone, and the page's
// policy allows no other script and no network.
const run = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);

// make returns an element of a class with children, which are elements or text.
function make(name, className, ...children) {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...children);
  return e;
}

// draw adds an SVG element with attributes and a title to a parent.
function draw(parent, name, attributes, title) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (title) draw(e, "title", {}).textContent = title;
  parent.append(e);
  return e;
}

const known = v => typeof v === "number";
const percent = v => known(v) ? v.toFixed(1) : "–";

// The chosen model: its tiles, its place on the curves, its accuracies by corruption and severity.

let current = run.chosen;

function choose(index) {
  current = index;
  const m = run.models[index];
  const label = m.name + (m.role ? ", " + m.role : "");
  byId("model").value = index;
  byId("model").setAttribute("aria-valuetext", label);
  byId("name").textContent = label;
  byId("tiles").replaceChildren(...m.tiles.map(([name, value, range]) => {
    const dd = make("dd", "", value);
    if (range) dd.append(make("small", "", range));
    return make("div", "", make("dt", "", name), dd);
  }));
  drawCurve();
  fillHeat();
  for (const row of byId("models").tBodies[0].rows) row.classList.toggle("chosen", row.dataset.index === String(index));
}

const frame = {left: 44, right: 546, top: 12, bottom: 296};

// ticks returns round values from low to high.
function ticks(low, high) {
  let step = 10 ** Math.floor(Math.log10((high - low) / 4));
  while ((high - low) / step > 7) step *= 2;
  const list = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) list.push(Number(v.toPrecision(6)));
  return list;
}

function drawCurve() {
  const svg = byId("curve");
  svg.replaceChildren();
  const values = run.curves.flatMap(c => c.values.map(p => p[1]));
  let low = Math.min(...values), high = Math.max(...values);
  const room = Math.max(high - low, 1) * 0.06;
  low -= room; high += room;
  const last = Math.max(run.span[1] - run.span[0], 1e-9);
  const x = v => frame.left + (v - run.span[0]) / last * (frame.right - frame.left);
  const y = v => frame.bottom - (v - low) / (high - low) * (frame.bottom - frame.top);
  for (const v of ticks(low, high)) {
    draw(svg, "line", {class: "grid", x1: frame.left, x2: frame.right, y1: y(v), y2: y(v)});
    draw(svg, "text", {x: frame.left - 6, y: y(v) + 4, "text-anchor": "end"}).textContent = v;
  }
  for (const v of run.span[1] > run.span[0] ? ticks(...run.span) : [run.span[0]]) {
    draw(svg, "text", {x: x(v), y: frame.bottom + 17, "text-anchor": "middle"}).textContent = v;
  }
  draw(svg, "text", {x: (frame.left + frame.right) / 2, y: frame.bottom + 36, "text-anchor": "middle"}).textContent = run.axis;
  draw(svg, "path", {class: "axis", d: `M${frame.left} ${frame.top}V${frame.bottom}H${frame.right}`});
  const at = run.models[current].x;
  draw(svg, "line", {class: "mark", x1: x(at), x2: x(at), y1: frame.top, y2: frame.bottom});
  for (const c of run.curves) {
    draw(svg, "polyline", {class: c.kind, points: c.values.map(p => `${x(p[0])},${y(p[1])}`).join(" ")}, c.name);
    if (c.kind === "one") continue;
    for (const p of c.values) draw(svg, "circle", {class: c.kind, cx: x(p[0]), cy: y(p[1]), r: 3.5}, `${c.name}, ${p[2]}: ${percent(p[1])} %`);
  }
}

function fillHeat() {
  const rows = run.models[current].heat;
  byId("severities").hidden = run.order.length === 0;
  const head = make("tr", "", make("th", "", "corruption"));
  for (let s = 1; s <= 5; s++) head.append(make("th", "", String(s)));
  for (const th of head.children) th.scope = "col";
  const body = make("tbody", "");
  rows.forEach((values, i) => {
    const th = make("th", "", run.order[i]);
    th.scope = "row";
    const row = make("tr", "", th);
    for (const v of values) row.append(make("td", shade(v), percent(v)));
    body.append(row);
  });
  byId("heat").replaceChildren(make("thead", "", head), body);
  byId("heat-caption").textContent = `of ${run.models[current].name}; colours from ${percent(run.heatRange[0])} to ` +
    `${percent(run.heatRange[1])} %, the range of all models`;
}

function shade(v) {
  if (!known(v)) return "none";
  const [low, high] = run.heatRange;
  return "s" + (high > low ? Math.round((v - low) / (high - low) * (run.shades - 1)) : Math.floor(run.shades / 2));
}

// The table of all models, sorted by any column. Unknown figures come last.

function fillModels() {
  const head = make("tr", "");
  run.columns.forEach((name, i) => {
    const button = make("button", "", name);
    button.type = "button";
    button.addEventListener("click", () => sortModels(i));
    const th = make("th", i ? "n" : "", button);
    th.scope = "col";
    th.setAttribute("aria-sort", "none");
    head.append(th);
  });
  const body = make("tbody", "");
  run.models.forEach((m, index) => {
    const button = make("button", "", m.name);
    button.type = "button";
    button.addEventListener("click", () => choose(index));
    const th = make("th", "", button);
    th.scope = "row";
    if (m.role) th.append(make("span", m.role === "chosen" ? "tag chosen" : "tag", m.role));
    const row = make("tr", "", th, ...m.figures.map(v => make("td", "n", known(v) ? v.toFixed(2) : "–")));
    row.dataset.index = index;
    body.append(row);
  });
  byId("models").replaceChildren(make("thead", "", head), body);
}

function sortModels(column) {
  const heads = byId("models").tHead.rows[0].cells;
  const before = heads[column].getAttribute("aria-sort");
  const falls = before === "none" ? column > 0 : before === "ascending"; // the best first; names in the order of the run
  for (const th of heads) th.setAttribute("aria-sort", "none");
  heads[column].setAttribute("aria-sort", falls ? "descending" : "ascending");
  const value = row => column ? run.models[row.dataset.index].figures[column - 1] : Number(row.dataset.index);
  const rows = [...byId("models").tBodies[0].rows].sort((p, q) => {
    const a = value(p), b = value(q);
    if (!known(a) || !known(b)) return known(b) - known(a);
    return (falls ? b - a : a - b) || p.dataset.index - q.dataset.index;
  });
  byId("models").tBodies[0].append(...rows);
}

// The samples: two beside each other, turned together.

const firstView = {azimuth: 0.61, elevation: 0.35, zoom: 1};
const view = {...firstView};
const canvases = [];

// decode returns coordinates of base64 text: little-endian int16 in steps of 1/run.steps of the radius.
function decode(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  const points = new Float32Array(bytes.length / 2);
  for (let i = 0; i < points.length; i++) points[i] = numbers.getInt16(2 * i, true) / run.steps;
  return points;
}

function paint({canvas, points}) {
  if (!points) return;
  const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, side, side);
  const sinA = Math.sin(view.azimuth), cosA = Math.cos(view.azimuth);
  const sinE = Math.sin(view.elevation), cosE = Math.cos(view.elevation);
  const list = [];
  for (let i = 0; i < points.length; i += 3) {
    const x = points[i] * cosA - points[i + 2] * sinA, back = points[i] * sinA + points[i + 2] * cosA;
    list.push([x, points[i + 1] * cosE - back * sinE, points[i + 1] * sinE + back * cosE]);
  }
  list.sort((p, q) => p[2] - q[2]);
  const scale = side / 2 * 0.92 * view.zoom, dot = Math.max(1, side / 140);
  for (const [x, y, depth] of list) {
    const near = Math.min(1, Math.max(0, (depth + 1) / 2));
    context.fillStyle = `rgb(${Math.round(150 - 126 * near)} ${Math.round(150 - 20 * near)} ${Math.round(150 + 62 * near)})`;
    context.fillRect(side / 2 + x * scale - dot / 2, side / 2 - y * scale - dot / 2, dot, dot);
  }
}

const paintAll = () => canvases.forEach(paint);

function turn(azimuth, elevation) {
  view.azimuth += azimuth;
  view.elevation = Math.min(Math.PI / 2, Math.max(-Math.PI / 2, view.elevation + elevation));
  paintAll();
}

function enlarge(factor) {
  view.zoom = Math.min(8, Math.max(0.2, view.zoom * factor));
  paintAll();
}

const keys = {
  ArrowLeft: () => turn(-0.12, 0), ArrowRight: () => turn(0.12, 0), ArrowUp: () => turn(0, 0.12), ArrowDown: () => turn(0, -0.12),
  "+": () => enlarge(1.2), "=": () => enlarge(1.2), "-": () => enlarge(1 / 1.2), "0": () => { Object.assign(view, firstView); paintAll(); },
};

function listen(canvas) {
  canvas.addEventListener("pointermove", e => { if (e.buttons) turn(e.movementX * 0.01, e.movementY * 0.01); });
  canvas.addEventListener("pointerdown", e => canvas.setPointerCapture(e.pointerId));
  canvas.addEventListener("wheel", e => { e.preventDefault(); enlarge(e.deltaY < 0 ? 1.1 : 1 / 1.1); }, {passive: false});
  canvas.addEventListener("keydown", e => {
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    keys[e.key]();
  });
}

// addSample adds a choice of samples with its picture.
function addSample(number, index) {
  const select = make("select", "", ...run.samples.map((s, i) => {
    const option = make("option", "", s.title);
    option.value = i;
    return option;
  }));
  select.setAttribute("aria-label", `sample ${number}`);
  const place = make("div", ""), text = make("p", "");
  const slot = {canvas: make("canvas", ""), points: null};
  slot.canvas.tabIndex = 0;
  slot.canvas.setAttribute("role", "img");
  listen(slot.canvas);
  canvases.push(slot);
  const show = () => {
    const s = run.samples[select.value];
    text.textContent = s.text;
    slot.points = s.points ? decode(s.points) : null;
    if (s.png) {
      const image = make("img", "");
      image.src = "data:image/png;base64," + s.png;
      image.alt = s.title;
      place.replaceChildren(image);
      return;
    }
    slot.canvas.setAttribute("aria-label", s.title + ": a cloud; the arrow keys turn it");
    place.replaceChildren(slot.canvas);
    paint(slot);
  };
  select.value = index;
  select.addEventListener("change", show);
  byId("pair").append(make("div", "", select, place, text));
  show();
}

byId("main").hidden = false;
byId("model").max = run.models.length - 1;
byId("model").addEventListener("input", e => choose(Number(e.target.value)));
fillModels();
choose(run.chosen);
byId("section-clouds").hidden = run.samples.length === 0;
if (run.samples.length) {
  addSample(1, 0);
  addSample(2, Math.min(run.second, run.samples.length - 1));
  addEventListener("resize", paintAll);
}
