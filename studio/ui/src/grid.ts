// A tensor with its digits: a grid for the keyboard and for the ear, one tab stop.

import { el, math, put, say } from "./dom.js";
import { digits, minus, scaleOf, spoken } from "./number.js";
import { colour } from "./ramp.js";
import { go, place, withEdit } from "./state.js";
import { hiddenIn, hue, largest, node, opened, values, word } from "./store.js";
import type { Node } from "./core.js";
import { text } from "./text.js";

export interface GridOptions {
  cell: [number, number];
  caption?: HTMLElement;
  /** the cell was chosen, by key or pointer */
  choose(i: number, j: number): void;
  /** the pointer is over a cell */
  hover?(i: number, j: number): void;
  /** the arrow keys leave the grid to the left (-1) or the right (1) */
  leave?(side: number): boolean;
  max?: number; // of a scale that several grids share
}

const label = (n: Node) => `${spokenSymbol(n)} (${n.at})`;
export const spokenSymbol = (n: Node) => n.symbol.replace(/Δ/g, "delta ").replace(/∂L\/∂/, "gradient of ").replace(/ρ/g, "rho").replace(/σ/g, "sigma").replace(/ā/g, "a bar").replace(/[_^{}]/g, " ").replace(/\s+/g, " ").trim();

/** names of rows and columns: words where they are tokens. */
function heads(n: Node): { row: (i: number) => string; col: (j: number) => string } {
  const tokens = (k: number) => k === values("l").length;
  const vocabulary = (id: string) => /^(tok\.ohe|a_12|y_pred|y_gt|D_12|D_logits|logits\.a_i)$/.test(id);
  const squares = n.symbol.includes("ρ") || n.kind === "mask" || /Δ\^|Δ_ρ/.test(n.symbol);
  const isParameter = n.kind === "gradient" || n.kind === "parameter";
  return {
    row: i => isParameter ? (/w_(tok|emb)$/.test(n.symbol) && n.rows > 6 ? word0(i) : n.rows === 1 ? "" : String(i + 1)) : n.rows === 1 ? "" : tokens(n.rows) ? word(i) : String(i + 1),
    col: j => squares ? word(j) : vocabulary(n.id) ? word0(j) : n.rows === 1 && tokens(n.cols) && !isParameter ? word(j) : String(j + 1),
  };
}
const word0 = (id: number) => opened.model.words[id] ?? String(id);

/** cellName is what a cell is called, aloud. */
export function cellName(n: Node, i: number, j: number): string {
  const h = heads(n), r = h.row(i), c = h.col(j);
  return text.cell(i + 1, r === String(i + 1) ? "" : r, j + 1, c === String(j + 1) ? "" : c);
}

/** A Grid can show other numbers of its tensor, and another cell chosen, in its place. */
export interface Grid extends HTMLElement {
  /** refresh says false where nothing was done: another part of a large tensor is to be shown */
  refresh(cell: [number, number]): boolean;
}

export function grid(id: string, o: GridOptions): Grid {
  const n = node(id)!, diff = place.diff && n.kind !== "mask", side = hue(n), theorem = (n.kind === "error" || n.kind === "gradient") && !diff;
  const first = (cell: [number, number]) => [Math.min(cell[0], n.rows - 1), Math.min(cell[1], n.cols - 1)] as const;
  const [r0, r1] = part(first(o.cell)[0], n.rows, n), [c0, c1] = part(first(o.cell)[1], n.cols, n), whole = r1 - r0 === n.rows && c1 - c0 === n.cols;
  const table = el("table", { class: "grid", role: "grid", "aria-label": label(n), "data-id": id }), says = el("small");
  const heading = Array.from({ length: c1 - c0 }, () => el("th", { scope: "col" })), rows = Array.from({ length: r1 - r0 }, () => el("th", { scope: "row" }));
  const cells = rows.map((_, i) => heading.map((_, j) => el("td", { role: "gridcell", "data-ij": `${r0 + i},${c0 + j}` })));
  table.append(el("thead", {}, el("tr", {}, el("td", { class: "corner" }), ...heading)), el("tbody", {}, ...rows.map((th, i) => el("tr", {}, th, ...cells[i]!))));
  let v: Float64Array, hidden: ReturnType<typeof hiddenIn>;
  const say1 = (i: number, j: number) => {
    const k = i * n.cols + j, x = v[k]!;
    const words = x === -Infinity || hidden?.(k) && !diff ? text.masked : x === 0 && theorem ? text.zero : Number.isFinite(x) ? spoken(x) : text.nan;
    return `${spokenSymbol(n)}, ${cellName(n, i, j)}: ${words}`;
  };
  const show = (cell: [number, number]) => {
    v = values(id, diff); hidden = hiddenIn(n);
    const s = scaleOf(o.max ?? largest(id, diff)), h = heads(n), [ci, cj] = first(cell), square = h.col(0) === h.row(0) && n.rows === n.cols;
    const edited = new Set((place.state.edits ?? []).filter(e => e.id === id).map(e => e.i * n.cols + e.j));
    put(says, `${n.rows} × ${n.cols}${s.unit ? ", " + s.unit : ""}${diff ? ", " + text.change : ""}${whole ? "" : ": " + text.part(`${r0 + 1}–${r1}`, `${c0 + 1}–${c1}`)}`);
    heading.forEach((th, k) => { put(th, h.col(c0 + k)); set(th, "class", c0 + k === cj ? "line" : ""); });
    rows.forEach((th, k) => { put(th, h.row(r0 + k) || text.only); set(th, "class", r0 + k === ci ? "line" : ""); });
    for (let i = r0; i < r1; i++) for (let j = c0; j < c1; j++) {
      const td = cells[i - r0]![j - c0]!, k = i * n.cols + j, x = v[k]!, mask = x === -Infinity || (hidden?.(k) ?? false) && !diff, zero = x === 0 && theorem && !mask, me = i === ci && j === cj;
      set(td, "class", (mask ? "mask" : zero ? "null" : square && i === ci && !hidden?.(k) ? "line" : "") + (edited.has(k) ? " edited" : ""));
      set(td, "data-v", String(x)); set(td, "title", Number.isFinite(x) ? minus(String(x)) : null);
      set(td, "tabindex", me ? "0" : "-1"); set(td, "aria-selected", String(me)); set(td, "aria-label", mask || zero ? say1(i, j) : null);
      const ground = mask || zero ? "" : colour(x, s.max, side);
      if (grounds.get(td) !== ground) { td.style.background = ground; grounds.set(td, ground); }
      put(td, mask || zero ? "" : Number.isFinite(x) ? digits(x, s) : "?");
    }
  };
  const at = (t: EventTarget | null): [number, number] | null => {
    const d = (t as HTMLElement | null)?.closest<HTMLElement>("td[data-ij]")?.dataset.ij?.split(",").map(Number);
    return d ? [d[0]!, d[1]!] : null;
  };
  table.addEventListener("click", e => { const c = at(e.target); if (c && !(e.target as Element).matches("input")) o.choose(...c); });
  if (o.hover) table.addEventListener("pointerover", e => { const c = at(e.target); if (c) o.hover!(...c); });
  table.addEventListener("focusin", e => { const c = at(e.target); if (c && !(e.target as Element).matches("input")) say(say1(...c)); });
  table.addEventListener("keydown", e => {
    if ((e.target as Element).matches("input") || e.ctrlKey || e.metaKey || e.altKey) return;
    const c = at(e.target);
    if (!c) return;
    const [i, j] = c;
    if (e.key === "Enter") { e.preventDefault(); go({ path: ["cell", id, `${i + 1},${j + 1}`] }); return; }
    if (e.key === "e" || e.key === "F2") { e.preventDefault(); e.stopPropagation(); edit(table, n, i, j); return; }
    if (e.key === "0" && n.kind !== "mask") { e.preventDefault(); change(n, i, j, 0); return; }
    const d = ({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1e6], End: [0, 1e6], PageUp: [-1e6, 0], PageDown: [1e6, 0] } as Record<string, [number, number]>)[e.key];
    if (!d) return;
    e.preventDefault();
    if (e.key === "ArrowRight" && j === n.cols - 1 && o.leave?.(1) || e.key === "ArrowLeft" && j === 0 && o.leave?.(-1)) return;
    o.choose(Math.max(0, Math.min(n.rows - 1, i + d[0])), Math.max(0, Math.min(n.cols - 1, j + d[1])));
  });
  table.addEventListener("dblclick", e => { const c = at(e.target); if (c) edit(table, n, ...c); });
  show(o.cell);
  const box = el("div", { class: "gridw" }, el("div", { class: "cap" }, o.caption ?? math(n.math, side === "error" ? "e" : "v"), says), el("div", { class: "scroll" }, table));
  return Object.assign(box, { refresh: (cell: [number, number]) => {
    const [i, j] = first(cell);
    if (n !== node(id) || i < r0 || i >= r1 || j < c0 || j >= c1) return false;
    show(cell);
    return true;
  } });
}
const grounds = new WeakMap<HTMLElement, string>(); // of cells, as they were written: a browser gives them back in other words

function set(e: HTMLElement, name: string, to: string | null): void {
  if (e.getAttribute(name) === to) return;
  if (to === null) e.removeAttribute(name); else e.setAttribute(name, to);
}

/** part is which rows or columns of a large tensor have their digits on the page: those around the cell. */
function part(at: number, of: number, n: Node): [number, number] {
  const size = 32;
  if (n.rows * n.cols <= 2048 || of <= size) return [0, of];
  const from = Math.floor(at / size) * size;
  return [from, Math.min(of, from + size)];
}

/** change puts a number into a cell, and the core computes both passes anew. */
export function change(n: Node, i: number, j: number, v: number | null): void {
  go({ state: withEdit(place.state, { id: n.id, i, j, v }) });
}

function edit(table: HTMLElement, n: Node, i: number, j: number): void {
  const td = table.querySelector<HTMLElement>(`td[data-ij="${i},${j}"]`)!;
  const x = values(n.id)[i * n.cols + j]!;
  if (n.kind === "mask") { change(n, i, j, x === 0 ? null : 0); return; }
  if (!Number.isFinite(x) && n.hidden) { say(text.editMask); return; }
  const old = Number(x.toPrecision(6)).toString(), before = [...td.childNodes];
  const input = el("input", { class: "cell", "aria-label": text.newValue(cellName(n, i, j)), inputmode: "decimal", value: old, maxlength: 24 });
  td.replaceChildren(input);
  input.focus(); input.select();
  let done = false;
  const end = (ok: boolean) => {
    if (done) return;
    done = true;
    const t = input.value.trim().replace("−", "-").replace(/^(-?)\./, "$10."), v = Number(t);
    td.replaceChildren(...before);
    td.focus();
    if (!ok || t === old || t === "") return;
    if (!Number.isFinite(v) || Math.abs(v) > 1e6) { say(text.notANumber); return; }
    change(n, i, j, v);
  };
  input.addEventListener("keydown", e => {
    e.stopPropagation();
    if (e.key === "Enter") { e.preventDefault(); end(true); }
    else if (e.key === "Escape") end(false);
    else if (e.key === "ArrowUp" || e.key === "ArrowDown") {
      e.preventDefault();
      const step = (e.shiftKey ? .1 : .01) * (e.key === "ArrowUp" ? 1 : -1);
      input.value = ((Number(input.value.replace("−", "-")) || 0) + step).toFixed(2);
    }
  });
  input.addEventListener("blur", () => end(true));
}
