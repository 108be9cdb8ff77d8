// One tensor, and one cell of it.

import { ask, type Check, type Entry, type Node } from "./core.js";
import { $, $$, el, math, save, scroller, keys } from "./dom.js";
import { cellName, grid, spokenSymbol } from "./grid.js";
import { derivation } from "./chapter.js";
import { microscope } from "./microscope.js";
import { minus, sig } from "./number.js";
import { go, link, place, toScreen } from "./state.js";
import { checked, hue, node, norm, opened, values, wantChecks } from "./store.js";

let registry: Promise<Map<string, Entry>> | null = null;
export const equations = () => registry ??= ask<{ equations: Entry[] }>("registry").then(a => new Map(a.header.equations.map(e => [e.number, e])));

const title = (n: Node) => `${n.title || n.kind} · ${n.at}`;

export function checkText(c: Check | undefined): string {
  if (!c) return "…";
  if (!c.ok && c.why && c.cells === 0) return c.why + ".";
  return `${c.ok ? "✓ agrees with differences of the loss" : "≠ " + (c.why ?? "differs")}: ${c.cells} of ${c.cells + (c.refused ?? 0)} cells, worst deviation ${sig(c.worst, 2)}${c.ok ? "" : ` at row ${c.i + 1}, column ${c.j + 1}`}${c.refused ? `; ${c.refused} at a kink of ReLU` : ""}`;
}

function facts(n: Node): HTMLElement {
  const dl = el("dl", { class: "facts" }), put = (k: string, v: Node2) => dl.append(el("dt", {}, k), el("dd", {}, v));
  put("shape", `${n.rows} × ${n.cols}`);
  put("norm", sig(norm(n.id), 4));
  if (n.partner) { const p = node(n.partner)!; put(({ value: "its error", error: "error on", parameter: "its gradient", gradient: "gradient of", mask: "" })[n.kind], el("a", { href: link({ ...place, path: ["node", p.id], row: "" }) }, math(p.math, hue(p) === "error" ? "e" : "v"), ` ${p.at}`)); }
  if (n.kind === "value" && n.partner) put("constant", holding(n.id));
  if (n.kind === "error" || n.kind === "gradient") put("check", el("span", { id: "check-text" }, checkText(checked(n.id))));
  return dl;
}
type Node2 = HTMLElement | string;

/** holding chooses what the backward pass does at a value: it goes on, or the value is a constant. */
function holding(id: string): HTMLElement {
  const s = place.state, others = s.held?.filter(h => h.id !== id) ?? [], is = s.held?.find(h => h.id === id);
  const ways: [string, typeof is][] = [["no", undefined], ["detached", { id }], ["frozen", { id, frozen: true }]];
  return el("span", { class: "acts", role: "group", "aria-label": "constant" }, ...ways.map(([name, h]) =>
    el("button", { type: "button", "aria-pressed": String(is?.frozen === h?.frozen && !is === !h), onclick: () => go({ state: { ...s, held: h ? [...others, h] : others } }) }, name)));
}

const download = (name: string, kind: string, body: () => BlobPart) => el("button", { type: "button", onclick: () => save(name, new Blob([body()], { type: kind })) }, name.split(".").pop()!.toUpperCase());

/** npy is a file of NumPy, version 1.0, float64. */
function npy(n: Node, v: Float64Array): Uint8Array<ArrayBuffer> {
  let head = `{'descr': '<f8', 'fortran_order': False, 'shape': (${n.rows}, ${n.cols}), }`;
  head += " ".repeat((64 - (10 + head.length + 1) % 64) % 64) + "\n";
  const b = new Uint8Array(10 + head.length + v.byteLength);
  b.set([0x93, ...[..."NUMPY"].map(c => c.charCodeAt(0)), 1, 0, head.length & 255, head.length >> 8]);
  b.set(new TextEncoder().encode(head), 10);
  b.set(new Uint8Array(v.slice().buffer), 10 + head.length);
  return b;
}

function exports(n: Node): HTMLElement {
  const lines = (cell: (x: number) => string, between: string, end: string) => { const v = values(n.id); return Array.from({ length: n.rows }, (_, i) => Array.from(v.subarray(i * n.cols, (i + 1) * n.cols), cell).join(between)).join(end); };
  return el("div", { class: "acts", role: "group", "aria-label": "save these numbers" },
    download(n.id + ".csv", "text/csv", () => lines(x => x === -Infinity ? "-inf" : String(x), ",", "\n") + "\n"),
    download(n.id + ".npy", "application/octet-stream", () => npy(n, values(n.id))),
    download(n.id + ".tex", "text/plain", () => `\\begin{pmatrix}\n${lines(x => x === -Infinity ? "-\\infty" : x.toPrecision(4), " & ", " \\\\\n")}\n\\end{pmatrix}\n`));
}

export function nodeScreen(main: HTMLElement, id: string): boolean {
  const n = node(id);
  if (!n) return false;
  document.title = `${n.symbol} · pedestrian studio`;
  wantChecks(n.kind === "error" || n.kind === "gradient" ? [id] : [], (of, c) => { if (of !== id) return; const t = $("#check-text"); if (t) t.textContent = checkText(c); });
  if (main.contains(kept?.box ?? null) && kept!.node === n && kept!.diff === place.diff && kept!.refresh()) return true; // its numbers are what is new
  const focused = main.contains(document.activeElement) && (document.activeElement as HTMLElement).dataset.ij;
  const at = (): [number, number] => [Math.min(place.cell[0], n.rows - 1), Math.min(place.cell[1], n.cols - 1)];
  const micro = el("div", { class: "micro" }), cls = hue(n) === "error" ? "e" : "v", about = el("div");
  const equation = el("section", { class: "equation", "aria-label": "its equation" });
  const partner = n.partner ? node(n.partner) : undefined, back = hue(n) === "error", pair = partner ? back ? [partner, n] : [n, partner] : [n];
  const look = (r: number, c: number) => void microscope(micro, id, r, c);
  const side = (m: Node, k: number) => {
    const g = grid(m.id, {
      cell: at(), hover: look,
      choose: (r, c) => { go({ cell: [r, c] }, true); $(`[data-side="${k}"] td[data-ij="${r},${c}"]`)?.focus({ preventScroll: true }); },
      leave: s => { if (!pair[k + s]) return false; go({ cell: [place.cell[0], s > 0 ? 0 : n.cols - 1] }, true); $(`[data-side="${k + s}"] td[tabindex="0"]`)?.focus({ preventScroll: true }); return true; },
    });
    g.dataset.side = String(k);
    return g;
  };
  const grids = pair.map(side), again = () => {
    const k = $$("button", about).indexOf(document.activeElement as HTMLElement); // that is pressed
    about.replaceChildren(facts(n));
    $$("button", about)[k]?.focus();
  };
  kept = { box: grids[0]!, node: n, diff: place.diff, refresh: () => grids.every(g => g.refresh(at())) && (again(), look(...at()), true) };
  const wasSide = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>("[data-side]")?.dataset.side ?? "0";
  main.replaceChildren(
    el("h1", {}, math(n.math, cls), el("span", { class: "sr" }, spokenSymbol(n)), el("span", { class: "small block" }, title(n))),
    el("div", { class: "nodegrid" },
      el("div", { class: "main-col" }, el("div", { class: "pair" }, ...grids), micro),
      el("aside", { class: "side-col" }, about, equation, el("h2", { class: "h3" }, "Save"), exports(n))),
    el("section", { class: "chapter", id: "chapter" }),
    el("p", { class: "foot ui" }, ...keys([["← ↑ ↓ →", "cells"], ["Enter", "all of a cell"], ["e", "edit"], ["n p", "next, previous tensor"], ["N P", "of the backward pass"]])));
  kept.refresh();
  void equations().then(all => {
    const e = n.eq ? all.get(n.eq) : undefined;
    if (!e || !equation.isConnected) return;
    void derivation($("#chapter")!, e.number);
    equation.replaceChildren(el("h2", { class: "h3" }, el("a", { href: toScreen("equations", e.number) }, `(${e.number})`), ` ${e.title}`), scroller("equation", math(e.math)),
      el("dl", { class: "facts" }, ...([["shapes", e.shapes], ["code", e.func], ["test", e.check], ["identities", e.identities?.join(", ")], ["derived in", e.derivation], ["errata", e.errata?.join(", ")]] as [string, string | undefined][]).filter(([, v]) => v).flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, k === "code" || k === "test" || k === "derived in" ? el("code", { class: "code" }, v!) : v!)])),
      e.exercises?.length ? el("p", { class: "small" }, "Exercises: ", ...e.exercises.flatMap((x, k) => [k ? ", " : "", el("a", { href: toScreen("derive", x) }, x)])) : "");
  });
  if (focused) $(`[data-side="${wasSide}"] td[tabindex="0"]`, main)?.focus({ preventScroll: true });
  return true;
}
let kept: { box: HTMLElement; node: Node; diff: boolean; refresh(): boolean } | null = null;

export function cellScreen(main: HTMLElement, id: string, at: string): boolean {
  const n = node(id), m = /^(\d{1,4}),(\d{1,4})$/.exec(at);
  if (!n || !m) return false;
  const i = Math.min(n.rows, Number(m[1])) - 1, j = Math.min(n.cols, Number(m[2])) - 1;
  if (i < 0 || j < 0) return false;
  document.title = `${n.symbol}, ${at} · pedestrian studio`;
  const p = n.partner ? node(n.partner) : undefined, back = hue(n) === "error";
  const sides = p ? back ? [p, n] : [n, p] : [n];
  const nudge = el("div", { class: "nudge" }), moved = sides.find(m => (m.kind === "value" || m.kind === "parameter") && m.partner);
  const column = (m: Node) => {
    const micro = el("div", { class: "micro big" }), x = values(m.id)[i * m.cols + j]!, cls = hue(m) === "error" ? "e" : "v";
    void microscope(micro, m.id, i, j, true);
    return el("section", { class: "cellside", "aria-label": m.symbol }, el("h2", {}, math(m.math, cls), el("span", { class: "sr" }, spokenSymbol(m))), el("p", { class: "cellvalue " + cls }, x === -Infinity ? "−∞" : minus(String(x))), micro,
      el("p", { class: "small" }, el("a", { href: link({ ...place, path: ["node", m.id], row: "", cell: [i, j] }) }, "All cells of ", math(m.math, cls))));
  };
  main.replaceChildren(
    el("h1", {}, cellName(n, i, j)[0]!.toUpperCase() + cellName(n, i, j).slice(1), el("span", { class: "small block" }, `${n.at}; left the value, right how the loss answers to it`)),
    el("div", { class: "cellgrid" + (p ? "" : " single") }, ...sides.map(column)), nudge);
  if (moved) nudgeBox(nudge, moved, i, j);
  return true;
}

/** equationScreen is the registry: every equation of the paper, and one of them in full. */
export async function equationScreen(main: HTMLElement, number: string): Promise<boolean> {
  const all = await equations(), e = all.get(number);
  if (number && !e) return false;
  document.title = (e ? `(${e.number}) ${e.title}` : "Equations") + " · pedestrian studio";
  if (!e) {
    main.replaceChildren(el("h1", {}, "Equations"), el("p", { class: "lead" }, `All ${all.size}: what each says, where it is computed, and what checks it.`),
      el("ol", { class: "eqs" }, ...[...all.values()].map(x => el("li", {}, el("a", { class: "ui", href: toScreen("equations", x.number) }, el("span", { class: "chip" }, `(${x.number})`), ` ${x.title}`), el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": `equation ${x.number}` }, math(x.math))))));
    return true;
  }
  const where = opened.nodes.filter(n => n.eq === e.number);
  main.replaceChildren(el("h1", {}, `(${e.number}) ${e.title}`), el("div", { class: "scroll bigmath", tabindex: 0, role: "group", "aria-label": "equation" }, math(e.math)),
    el("dl", { class: "facts eqfacts" }, ...([["in ASCII", e.ascii], ["shapes", e.shapes], ["code", e.func], ["test", e.check], ["identities", e.identities?.join(", ")], ["derived in", e.derivation], ["errata", e.errata?.join(", ")]] as [string, string | undefined][]).filter(([, v]) => v).flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, el("code", { class: "code" }, v!))])),
    where.length ? el("h2", { class: "h3" }, "In this network") : "", el("ul", { class: "refs" }, ...where.map(n => el("li", {}, el("a", { href: toScreen("node", n.id) }, math(n.math, hue(n) === "error" ? "e" : "v"), ` ${n.at}`)))),
    e.exercises?.length ? el("p", { class: "small" }, "Exercises: ", ...e.exercises.flatMap((x, k) => [k ? ", " : "", el("a", { href: toScreen("derive", x) }, x)])) : "",
    el("section", { class: "chapter", id: "chapter" }),
    el("p", { class: "small" }, el("a", { href: toScreen("equations") }, "All equations")));
  await derivation($("#chapter")!, e.number);
  return true;
}

/** nudgeBox moves the cell by epsilon: what its error predicts, and what the loss does. */
function nudgeBox(box: HTMLElement, n: Node, i: number, j: number): void {
  const input = el("input", { id: "epsilon", type: "range", min: -6, max: 0, step: .5, value: -2 }), out = el("div", { role: "status" }), p = node(n.partner!)!;
  const run = async () => {
    const epsilon = 10 ** Number(input.value);
    const { header: r } = await ask<{ epsilon: number; predicted: number | null; actual: number | null }>("nudge", { state: place.state, id: n.id, i, j, epsilon });
    input.setAttribute("aria-valuetext", sig(epsilon, 2));
    out.replaceChildren(el("dl", { class: "facts" }, el("dt", {}, "ε"), el("dd", {}, sig(epsilon, 2)), el("dt", {}, "predicted ΔL"), el("dd", {}, sig(r.predicted, 4)), el("dt", {}, "actual ΔL"), el("dd", {}, sig(r.actual, 4))));
  };
  input.addEventListener("input", () => void run());
  box.append(el("h2", { class: "h3" }, "Nudge it by ε"), el("p", { class: "small" }, "The error on this cell, ", math(p.math, "e"), ", times ε predicts how the loss answers; the smaller ε, the closer."), el("label", { class: "sr", for: "epsilon" }, "epsilon, a power of ten"), input, out);
  void run();
}

/** nodeKey goes to the next or the previous tensor. */
export function nodeKey(e: KeyboardEvent): boolean {
  const k = e.key.toLowerCase();
  if (k !== "n" && k !== "p" || place.path[0] !== "node") return false;
  const all = e.key === k ? opened.nodes : opened.nodes.filter(n => hue(n) === "error" || n.id === place.path[1]), to = all[all.findIndex(n => n.id === place.path[1]) + (k === "n" ? 1 : -1)]; // N and P: of the backward pass
  if (to) go({ path: ["node", to.id], cell: [0, 0] });
  return true;
}
