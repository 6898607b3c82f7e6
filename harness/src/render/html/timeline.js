// The timelines. Each is drawn from the JSON beside it, and only when it comes near the window.
"use strict";

const LANE = 56, TOP = 20, BOTTOM = 20, EDGE = 26, NEAR = 16;
const SVG = { segment: "--segment", callback: "--callback", wake: "--wake", report: "--report", nothing: "--report",
  read: "--read", empty: "--read", write: "--write", accept: "--read", other: "--write" };
const NAMES = { segment: "a segment reaches the socket", callback: "the kernel calls epoll's callback",
  wake: "a task is woken", report: "a wait call returns with something ready", nothing: "a wait call returns with nothing",
  read: "data is taken", empty: "a call finds nothing", write: "data is sent", accept: "a connection is accepted", other: "something else" };
const shared = id => JSON.parse(document.getElementById(id).textContent);
let frames, stacks;

function shape(kind, x, y, r) {
  const c = `var(${SVG[kind]})`, solid = `fill="${c}"`, hollow = `fill="var(--paper)" stroke="${c}" stroke-width="1.8"`;
  const poly = (points, paint) => `<polygon points="${points.map(([a, b]) => `${(x + a * r).toFixed(1)},${(y + b * r).toFixed(1)}`).join(" ")}" ${paint}/>`;
  switch (kind) {
    case "segment": return poly([[-.8, -1], [1.1, 0], [-.8, 1]], solid);
    case "callback": return `<circle cx="${x}" cy="${y}" r="${r}" ${solid}/>`;
    case "wake": return poly([[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]], solid);
    case "report": case "nothing": return `<rect x="${x - r * .95}" y="${y - r * .95}" width="${r * 1.9}" height="${r * 1.9}" ${kind === "report" ? solid : hollow}/>`;
    case "read": case "empty": return poly([[-1.1, -.85], [1.1, -.85], [0, 1.1]], kind === "read" ? solid : hollow);
    case "write": return poly([[-1.1, .85], [1.1, .85], [0, -1.1]], solid);
    case "accept": return poly([[-1.1, -.85], [1.1, -.85], [.6, 1], [-.6, 1]], solid);
    default: return `<circle cx="${x}" cy="${y}" r="${r * .55}" ${solid}/>`;
  }
}

const escape = text => text.replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const signed = ns => (ns < 0 ? "−" : "+") + span(Math.abs(ns));
function span(ns) {
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(ns < 1e4 ? 1 : 0)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(ns < 1e7 ? 2 : 1)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}

class Timeline {
  constructor(root) {
    this.root = root;
    this.data = JSON.parse(root.querySelector("script").textContent);
    this.svg = root.querySelector("svg");
    this.says = root.querySelector(".says");
    this.intro = this.says.innerHTML;
    const d = this.data;
    this.dots = d.dots.map(([at, lane, kind, label, fields, stack], i) => ({ i, at, lane, kind, label: d.texts[label], fields: d.texts[fields], stack, ways: [] }));
    d.ways.forEach((way, w) => way.forEach(i => this.dots[i].ways.push(w)));
    this.times = [...new Set(this.dots.map(dot => dot.at))].sort((a, b) => a - b);
    // Even: a pause takes the more room the longer it is, but a thousand times longer is not a thousand times wider.
    this.even = [EDGE];
    for (let i = 1; i < this.times.length; i++) this.even.push(this.even[i - 1] + 9 + 13 * Math.log10(1 + (this.times[i] - this.times[i - 1]) / 2000));
    this.isEven = true;
    this.selected = -1; this.hovered = -1; this.way = -1;
    // What counts most is chosen first.
    this.counted = d.counts.reduce((best, count, i) => count.dots.length > (d.counts[best]?.dots.length ?? 0) ? i : best, -1);
    this.height = TOP + d.lanes.length * LANE + BOTTOM;
    this.svg.setAttribute("height", this.height);
    this.listen();
    this.chips();
    new ResizeObserver(() => this.resize()).observe(this.svg);
    this.resize();
  }

  // Place of a time on the scale, before zoom.
  place(at) {
    const t = this.times, n = t.length;
    if (!this.isEven) return EDGE + (n > 1 ? (at - t[0]) / (t[n - 1] - t[0]) * 1000 : 0);
    if (at <= t[0]) return Math.max(0, EDGE - 13 * Math.log10(1 + (t[0] - at) / 2000));
    if (at >= t[n - 1]) return this.even[n - 1] + 13 * Math.log10(1 + (at - t[n - 1]) / 2000);
    let lo = 0, hi = n - 1;
    while (hi - lo > 1) { const mid = (lo + hi) >> 1; if (t[mid] <= at) lo = mid; else hi = mid; }
    return this.even[lo] + (this.even[hi] - this.even[lo]) * (at - t[lo]) / (t[hi] - t[lo] || 1);
  }
  x(at) { return (this.place(at) - this.from) * this.zoom; }
  y(lane) { return TOP + lane * LANE + 27; }
  get end() { return this.place(this.times[this.times.length - 1]) + EDGE; }
  get fit() { return this.width / this.end; }

  resize() {
    const width = this.svg.clientWidth;
    if (!width || width === this.width) return;
    const first = !this.width;
    this.width = width;
    if (first) this.home(); else this.show(this.from, this.zoom);
  }
  // Everything if it is readable, else from what is counted on.
  home() {
    const zoom = this.fit;
    if (zoom >= .8) return this.show(0, zoom);
    const count = this.data.counts[this.counted];
    const way = count && this.dots[count.dots[0]].ways.length ? this.data.ways[this.dots[count.dots[0]].ways[0]][0] : null;
    const first = count ? this.dots[way ?? count.dots[0]] : this.dots[0];
    this.show(this.place(first.at) - EDGE, Math.max(zoom, this.width < 600 ? 1.35 : 1));
  }
  show(from, zoom) {
    this.zoom = Math.min(Math.max(zoom, this.fit), 4000);
    this.from = Math.max(0, Math.min(from, this.end - this.width / this.zoom));
    if (!this.waiting) { this.waiting = true; requestAnimationFrame(() => { this.waiting = false; this.draw(); }); }
  }
  scale(by, px = this.width / 2) {
    const under = this.from + px / this.zoom;
    const zoom = Math.min(Math.max(this.zoom * by, this.fit), 4000);
    this.show(under - px / zoom, zoom);
  }

  draw() {
    const d = this.data, w = this.width, out = [];
    for (const [l, [kind, name]] of d.lanes.entries()) {
      const y = TOP + l * LANE;
      if (l % 2 === 0) out.push(`<rect x="0" y="${y}" width="${w}" height="${LANE}" fill="var(--shade)" opacity=".55"/>`);
      out.push(`<line x1="0" x2="${w}" y1="${this.y(l)}" y2="${this.y(l)}" stroke="var(--line)"/>`);
    }
    for (const [from, until, lane, kind, label] of d.spans) {
      const a = Math.max(-4, this.x(from)), b = Math.min(w + 4, this.x(until)), y = this.y(lane);
      if (b < 0 || a > w) continue;
      const wide = Math.max(1.5, b - a);
      out.push(`<rect x="${a}" y="${y - 7}" width="${wide}" height="14" rx="3" fill="var(--${kind})"/>`);
      const text = d.texts[label];
      // Where no dot stands in the way.
      const room = text.length * 5.8, inside = this.dots.filter(dot => dot.lane === lane && (dot.x = this.x(dot.at)) > a - 12 && dot.x < b + 8).map(dot => dot.x);
      const start = [Math.max(a, 0) - 2, ...inside].map(x => x + 11).find(x => x + room < b && !inside.some(dot => dot > x - 8 && dot < x + room + 6));
      if (start !== undefined) out.push(`<text class="small" x="${start}" y="${y + 4}"${kind === "unread" ? ' style="fill:var(--unread-ink)"' : ""}>${escape(text)}</text>`);
    }
    for (const [name, at] of d.marks) {
      const x = this.x(at);
      if (x < 0 || x > w) continue;
      out.push(`<line x1="${x}" x2="${x}" y1="4" y2="${this.height - BOTTOM}" stroke="var(--soft)" stroke-dasharray="3 4"/><text class="small" x="${Math.min(x + 4, w - 40)}" y="13">${escape(name)}</text>`);
    }
    const visible = this.dots.filter(dot => { dot.x = this.x(dot.at); return dot.x > -12 && dot.x < w + 12; });
    this.paths(out, visible);
    this.shapes(out, visible);
    // The lanes' names stand above everything that moves.
    for (const [l, [kind, name]] of d.lanes.entries())
      out.push(`<text class="lane" x="7" y="${TOP + l * LANE + 13}" stroke="var(--paper)" stroke-width="4" paint-order="stroke">${escape(name)}</text>`);
    this.svg.innerHTML = `<defs><marker id="${this.root.id}-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="var(--way)"/></marker></defs>${out.join("")}`;
  }

  paths(out, visible) {
    const near = new Set(visible.flatMap(dot => dot.ways));
    if (near.size > 160) { near.clear(); if (this.way >= 0) near.add(this.way); }
    for (const w of near) {
      const way = this.data.ways[w], on = w === this.way;
      for (let i = 1; i < way.length; i++) {
        const a = this.dots[way[i - 1]], b = this.dots[way[i]];
        const ax = this.x(a.at), bx = this.x(b.at), ay = this.y(a.lane), by = this.y(b.lane);
        if (Math.max(ax, bx) < -50 || Math.min(ax, bx) > this.width + 50) continue;
        const down = by >= ay ? 1 : -1, gap = 8;
        const path = a.lane === b.lane
          ? `M${ax} ${ay - 8}C${ax + (bx - ax) * .2} ${ay - 22} ${bx - (bx - ax) * .2} ${by - 22} ${bx} ${by - 9}`
          : `M${ax} ${ay + gap * down}C${ax} ${ay + (by - ay) * .55} ${bx} ${ay + (by - ay) * .45} ${bx} ${by - (gap + 2) * down}`;
        const dim = this.way >= 0 && !on;
        out.push(`<path d="${path}" fill="none" stroke="var(--way)" stroke-width="${on ? 2.6 : 1.4}" opacity="${dim ? .18 : on ? 1 : .7}" marker-end="url(#${this.root.id}-arrow)"/>`);
      }
    }
  }

  shapes(out, visible) {
    const d = this.data, last = [], free = d.lanes.map(() => -1e9), count = d.counts[this.counted];
    const numbers = new Map(count ? count.dots.map((i, n) => [i, n + 1]) : []);
    const crowded = visible.length > 600;
    let time = -1e9;
    const shown = visible.filter(dot => {
      const keep = !crowded || dot.x - (last[dot.lane] ?? -9) > 2.5 || dot.i === this.selected || dot.i === this.hovered;
      if (keep) last[dot.lane] = dot.x;
      return keep;
    });
    for (const dot of shown) {
      const y = this.y(dot.lane), active = dot.i === this.selected || dot.i === this.hovered;
      const dim = this.way >= 0 && !active && !dot.ways.includes(this.way);
      out.push(`<g opacity="${dim ? .3 : 1}">`);
      if (active) out.push(`<circle cx="${dot.x}" cy="${y}" r="12" fill="none" stroke="var(--focus)" stroke-width="2.5"/>`);
      out.push(shape(dot.kind, dot.x, y, 6));
      if (numbers.has(dot.i)) out.push(`<circle cx="${dot.x}" cy="${y}" r="10" fill="none" stroke="var(--way)" stroke-width="2"/><text x="${dot.x + 9}" y="${y - 9}" style="font-weight:700;fill:var(--way)" stroke="var(--paper)" stroke-width="3" paint-order="stroke">${numbers.get(dot.i)}</text>`);
      const wide = dot.label.length * 6.1;
      if (!crowded && (dot.x - 6 > free[dot.lane] || active)) {
        const x = Math.max(3, Math.min(dot.x - 6, this.width - wide - 3));
        if (x > free[dot.lane] || active) {
          out.push(`<text x="${x}" y="${y + 22}" stroke="var(--paper)" stroke-width="3" paint-order="stroke"${active ? ' style="font-weight:700"' : ""}>${escape(dot.label)}</text>`);
          free[dot.lane] = x + wide + 6;
        }
      }
      if (dot.x - time > 74 && dot.x < this.width - 50) {
        out.push(`<text class="small" x="${dot.x}" y="${this.height - 6}">${signed(dot.at)}</text>`);
        time = dot.x;
      }
      out.push("</g>");
    }
  }

  listen() {
    const svg = this.svg, held = new Map();
    let moved = 0, apart = 0;
    const px = e => e.clientX - svg.getBoundingClientRect().left;
    svg.addEventListener("pointerdown", e => { held.set(e.pointerId, px(e)); moved = 0; svg.setPointerCapture(e.pointerId); });
    svg.addEventListener("pointermove", e => {
      const x = px(e);
      if (held.size === 2) {
        held.set(e.pointerId, x);
        const [a, b] = [...held.values()], now = Math.abs(a - b);
        if (apart) this.scale(now / apart, (a + b) / 2);
        apart = now;
      } else if (held.has(e.pointerId)) {
        const by = x - held.get(e.pointerId);
        held.set(e.pointerId, x);
        moved += Math.abs(by);
        if (moved > 3) this.show(this.from - by / this.zoom, this.zoom);
      } else this.hover(this.nearest(e));
    });
    const release = e => { if (held.delete(e.pointerId) && e.type === "pointerup" && moved <= 3) this.select(this.nearest(e)); apart = 0; };
    svg.addEventListener("pointerup", release);
    svg.addEventListener("pointercancel", release);
    svg.addEventListener("pointerleave", () => this.hover(-1));
    svg.addEventListener("wheel", e => {
      if (!e.ctrlKey && !e.metaKey && !e.shiftKey && Math.abs(e.deltaX) <= Math.abs(e.deltaY)) return;
      e.preventDefault();
      if (e.ctrlKey || e.metaKey) this.scale(Math.exp(-e.deltaY / 200), px(e));
      else this.show(this.from + (e.deltaX || e.deltaY) / this.zoom, this.zoom);
    }, { passive: false });
    svg.addEventListener("keydown", e => {
      const keys = { ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1), ArrowDown: () => this.follow(1), ArrowUp: () => this.follow(-1),
        Home: () => this.select(0), End: () => this.select(this.dots.length - 1), "+": () => this.scale(1.5), "=": () => this.scale(1.5),
        "-": () => this.scale(1 / 1.5), "0": () => this.show(0, this.fit), Escape: () => { this.way = -1; this.select(-1); } };
      if (!keys[e.key] || e.altKey || e.ctrlKey || e.metaKey) return;
      e.preventDefault();
      keys[e.key]();
    });
    this.root.querySelector(".bar").addEventListener("click", e => {
      const does = { in: () => this.scale(1.6), out: () => this.scale(1 / 1.6), fit: () => this.show(0, this.fit),
        back: () => this.follow(-1), follow: () => this.follow(1),
        time: () => { this.isEven = !this.isEven; e.target.setAttribute("aria-pressed", !this.isEven); this.show(0, this.fit); } };
      does[e.target.dataset.does]?.();
    });
  }

  nearest(e) {
    const box = this.svg.getBoundingClientRect(), x = e.clientX - box.left, y = e.clientY - box.top;
    let best = -1, close = NEAR * NEAR;
    for (const dot of this.dots) {
      const dx = dot.x - x;
      if (dx > NEAR) break;
      const far = dx * dx + (this.y(dot.lane) - y) ** 2;
      if (far < close) { close = far; best = dot.i; }
    }
    return best;
  }
  step(by) {
    const next = this.selected < 0 ? this.first() : this.selected + by;
    if (next >= 0 && next < this.dots.length) { this.way = this.dots[next].ways.includes(this.way) ? this.way : this.dots[next].ways[0] ?? -1; this.select(next); }
  }
  // Along the way of a segment.
  follow(by) {
    if (this.selected < 0 || this.way < 0) {
      const start = this.selected >= 0 ? this.dots.find(dot => dot.i >= this.selected && dot.ways.length) : null;
      const counted = this.data.counts[this.counted]?.dots.map(i => this.dots[i]).find(dot => dot.ways.length);
      const dot = start ?? counted ?? this.dots.find(dot => dot.ways.length);
      if (!dot) return this.step(by);
      this.way = dot.ways[0];
      return this.select(this.data.ways[this.way][0]);
    }
    const way = this.data.ways[this.way], at = way.indexOf(this.selected) + by;
    if (at >= 0 && at < way.length) return this.select(way[at]);
    const next = this.way + by;
    if (next >= 0 && next < this.data.ways.length) { this.way = next; const to = this.data.ways[next]; this.select(by > 0 ? to[0] : to[to.length - 1]); }
  }
  first() { const x = this.dots.findIndex(dot => this.x(dot.at) >= 0); return Math.max(0, x); }
  hover(i) { if (i !== this.hovered) { this.hovered = i; this.tell(i >= 0 ? i : this.selected); this.show(this.from, this.zoom); } }
  select(i) {
    this.selected = i;
    if (i < 0) this.way = -1;
    else {
      const dot = this.dots[i];
      if (!dot.ways.includes(this.way)) this.way = dot.ways[0] ?? -1;
      const x = this.x(dot.at);
      if (x < 30 || x > this.width - 60) this.from = this.place(dot.at) - this.width / this.zoom / 3;
    }
    this.tell(i);
    this.show(this.from, this.zoom);
  }
  tell(i) {
    if (i < 0) { this.says.innerHTML = this.intro; return; }
    const dot = this.dots[i], before = this.dots[i - 1];
    const [name, ...fields] = dot.fields.split("\n");
    const way = dot.ways.map(w => `${w + 1} (${this.data.ways[w].indexOf(i) + 1} of ${this.data.ways[w].length})`).join(", ");
    const rows = fields.map(line => line.split(/: (.*)/s).slice(0, 2));
    if (way) rows.push(["way of segment", way]);
    const stack = dot.stack == null ? "" : `<div class="stack mono">${stackOf(dot.stack).map(escape).join(" ← ")}</div>`;
    this.says.innerHTML = `<b>${escape(dot.label)}</b> <span class="soft">· ${escape(NAMES[dot.kind])} · ${escape(this.data.lanes[dot.lane][1])} · ${signed(dot.at)}${before ? `, ${signed(dot.at - before.at)} after the one before` : ""}</span>`
      + `<dl><div><dt>kernel name</dt> <dd class="mono">${escape(name)}</dd></div>${rows.map(([k, v]) => `<div><dt>${escape(k)}</dt> <dd class="mono">${escape(v ?? "")}</dd></div>`).join("")}</dl>${stack}`;
  }

  chips() {
    const all = [...this.root.parentElement.querySelectorAll("button.chip")];
    const press = () => all.forEach(chip => chip.setAttribute("aria-pressed", +chip.dataset.count === this.counted));
    all.forEach(chip => chip.addEventListener("click", () => {
      this.counted = this.counted === +chip.dataset.count ? -1 : +chip.dataset.count;
      press();
      const first = this.data.counts[this.counted]?.dots[0];
      if (first !== undefined) this.select(first); else this.show(this.from, this.zoom);
    }));
    press();
    const list = this.root.parentElement.querySelector("details.events");
    list.addEventListener("toggle", () => {
      const body = list.querySelector("tbody");
      if (body.childElementCount) return;
      body.innerHTML = this.dots.map(dot => `<tr><td>${signed(dot.at)}</td><td>${escape(this.data.lanes[dot.lane][1])}</td><td>${escape(dot.label)}</td><td class="mono">${escape(dot.fields.split("\n").slice(1).join(" · "))}</td></tr>`).join("");
    });
  }
}

function stackOf(place) {
  frames ??= shared("frames");
  stacks ??= shared("stacks");
  return stacks[place].map(i => frames[i]);
}

const timelines = [];
const seen = new IntersectionObserver(entries => {
  for (const entry of entries) if (entry.isIntersecting) {
    seen.unobserve(entry.target);
    timelines.push(new Timeline(entry.target));
  }
}, { rootMargin: "600px" });
document.querySelectorAll(".timeline").forEach(root => seen.observe(root));
document.querySelectorAll(".legend [data-shape]").forEach(at => { at.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${shape(at.dataset.shape, 8, 8, 6)}</svg>`; });
