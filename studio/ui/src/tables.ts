// The paper's tables, live: a row is what an operation makes, left, and what it hands back,
// right; the two maps meet in the middle. One row is open at a time.

import type { Check, Row, Table } from "./core.js";
import { $, $$, el, math, put, say, unit, keys } from "./dom.js";
import { blockPicker } from "./block.js";
import { grid } from "./grid.js";
import { layers, player, step } from "./layers.js";
import { microscope } from "./microscope.js";
import { sig } from "./number.js";
import { map, type Drawn, type MapOptions } from "./ramp.js";
import { go, place, toScreen } from "./state.js";
import { text } from "./text.js";
import { checked, here, hiddenIn, hue, largest, node, norm, normBefore, opened, values, wantChecks, word } from "./store.js";

const legend = () => el("span", { class: "legend", "aria-hidden": "true" }, ...([["value", "value − 0 +", [-1, -.5, 0, .5, 1]], ["error", "error − 0 +", [-1, -.5, 0, .5, 1]], ["value", "not seen", [-Infinity]], ["error", "zero, whatever the numbers", [0]]] as const).map(([k, t, v], i) =>
  el("span", {}, map(v, 1, v.length, 13 * unit(), k, { max: 1, theorem: i === 3 }), t)));

export function table(main: HTMLElement, key: string): boolean {
  const t = opened.tables.find(x => x.key === key);
  if (!t) return false;
  document.title = t.title + " · pedestrian studio";
  const heads = opened.model.config.heads, head = Math.min(place.head, heads - 1);
  const bar = () => el("div", { class: "bar-top ui" },
    opened.model.config.blocks > 1 ? blockPicker() : null,
    t.heads && heads > 1 ? el("span", { class: "seg", role: "group", "aria-label": "head" }, ...Array.from({ length: heads }, (_, h) => el("button", { type: "button", "aria-pressed": String(h === head), "data-k": "head" + h, onclick: () => go({ head: h }) }, `Head ${h}`))) : null,
    el("button", { type: "button", "aria-pressed": String(place.diff), "data-k": "diff", onclick: () => go({ diff: !place.diff }) }, "Difference: new − old"),
    key === "3" ? player() : null,
    key === "3" && !place.state.rank ? el("button", { type: "button", "data-k": "rank", onclick: () => go({ state: { ...place.state, rank: 2 } }) }, "Add an adapter of rank 2") : null,
    legend());
  const shape = JSON.stringify([key, place.diff, place.state.rank, opened.model.name]), old = $("#t1", main), of = JSON.stringify([place.block, head]), keep = focusKey(main);
  if (old?.dataset.shape === shape) { // the formulas stay: numbers are what is new
    const other = old.dataset.of !== of;
    if (other) $(".bar-top", main)!.replaceWith(bar());
    if (!open || !isOpen(open.row) || other || !open.refresh()) {
      open?.box.remove(); open = null;
      for (const r of t.rows) if (isOpen(r)) $(`.row[data-k="${r.key}"]`, old)!.after(panel(t, r));
    }
    for (const r of t.rows) fill($(`.row[data-k="${r.key}"]`, old)!, r);
    old.dataset.of = of;
  } else {
    open = null;
    const lead = el("p", { class: "lead" });
    for (const part of t.lead.split(/(values|errors)/)) lead.append(part === "values" ? el("span", { class: "v" }, part) : part === "errors" ? el("span", { class: "e" }, part) : part);
    main.replaceChildren(el("h1", {}, t.title), lead, bar(),
    place.diff ? el("p", { class: "small" }, "New minus old; old is this network before every edit, on its own sentence. An exact 0 is what cannot change.") : "",
    el("section", { class: "t1", id: "t1", "aria-label": t.title, "data-shape": shape, "data-of": of },
      el("div", { class: "head", "aria-hidden": "true" }, el("span", {}, "step"), el("span", { class: "v" }, key === "3" ? "parameter" : "value it makes ↓"), el("span", { class: "v right" }, place.diff ? "change" : "map"), el("span", { class: "e" }, place.diff ? "change" : "map"), el("span", { class: "e" }, key === "3" ? "gradient ↑" : "error it hands back ↑"), el("span", {}, "norms, check")),
      ...t.rows.flatMap(r => isOpen(r) ? [rowOf(r), panel(t, r)] : [rowOf(r)])),
    el("p", { class: "foot ui" }, ...keys([["Enter", "open or close a row"], ["n p", "next, previous row"], ["N P", "the same as the backward pass goes: up, down"], ["← ↑ ↓ →", "cells; past the edge into the partner map"], ["e", "edit"], ["d", "difference"], ["Esc", "close"]]), el("span", {}, "digits drop the leading zero: .90 is 0.90")));
  }
  if (keep && !main.contains(document.activeElement)) $(keep, main)?.focus({ preventScroll: true });
  wantChecks(t.rows.map(r => r.error ? here(r.error) : "").filter(id => id && node(id)), tick);
  return true;
}

const isOpen = (r: Row) => place.row === r.key && !!node(here(r.value));

const focusKey = (main: HTMLElement): string => {
  const a = document.activeElement as HTMLElement | null;
  if (!a || !main.contains(a)) return "";
  if (a.dataset.ij) return `[data-side="${a.closest<HTMLElement>("[data-side]")?.dataset.side}"] td[tabindex="0"]`;
  return a.dataset.k ? `[data-k="${a.dataset.k}"]` : "";
};

const mark = (c: Check | undefined) => !c ? "" : c.ok ? `✓ ${sig(c.worst, 1)}` : c.why ? `≠ ${sig(c.worst, 1)}` : "";
function tick(id: string, c: Check): void {
  for (const e of $$(`[data-check="${CSS.escape(id)}"]`)) e.textContent = mark(c);
}

const normText = (id: string) => { const b = place.diff ? normBefore(id) : null; return b != null && b !== norm(id) ? sig(b, 2) + "→" + sig(norm(id), 2) : sig(norm(id)); };

/** mini draws a tensor into a slot, or its numbers into the map that is there. */
function mini(slot: HTMLElement, id: string): void {
  const n = node(id), was = slot.firstElementChild as Drawn | null;
  if (!n) { slot.replaceChildren(); return; }
  const px = Math.max(.2, Math.min(9, Math.floor(2 * 92 / n.cols) / 2 || 92 / n.cols, Math.floor(2 * 130 / n.rows) / 2 || 130 / n.rows)) * unit(), hidden = place.diff ? undefined : hiddenIn(n);
  const v = values(id, place.diff), o = { max: largest(id, place.diff), theorem: (n.kind === "error" || n.kind === "gradient") && !place.diff, ...(hidden ? { hidden } : {}) }, size = `${n.rows} ${n.cols} ${px}`;
  if (was?.dataset.size === size) { was.set(v, o); return; }
  const c = map(v, n.rows, n.cols, px, hue(n), o);
  c.dataset.size = size;
  slot.replaceChildren(c);
}

function rowOf(r: Row): HTMLElement {
  const nd = r.error ? node(here(r.error)) : undefined, missing = !node(here(r.value));
  const chip = (eq?: string) => eq ? el("span", { class: "chip" }, `(${eq})`) : null;
  const b = el("button", {
    class: "row", type: "button", "aria-disabled": missing ? "true" : null, "data-k": r.key,
    onclick: () => { if (missing) return; const open = place.row === r.key; go({ row: open ? "" : r.key }, true); if (!open) $(`.row[data-k="${r.key}"]`)?.scrollIntoView({ block: "nearest" }); },
  },
    el("span", { class: "name" }, r.name),
    el("span", { class: "eq ef" }, math(r.forward), chip(r.eqf)),
    el("span", { class: "mapw m mv" }),
    el("span", { class: "mapw d me" }),
    nd ? el("span", { class: "eq eb" }, math(r.backward), chip(r.eqb)) : el("span", { class: "small eb" }, missing ? /^[du]_/.test(r.value) ? text.noAdapter : text.noParameter : r.note ?? ""),
    el("span", { class: "meta" }));
  fill(b, r);
  return b;
}

/** fill puts the numbers of this revision into a row. */
function fill(b: HTMLElement, r: Row): void {
  const a = here(r.value), d = r.error ? here(r.error) : "", sizes = [[a, "v"], [d, "e"]].filter(([id]) => id && node(id!)) as [string, string][], meta = $(".meta", b)!, shape = sizes.map(([id]) => `${id} ${node(id)!.rows}×${node(id)!.cols}`).join();
  b.setAttribute("aria-expanded", String(isOpen(r)));
  mini($(".mv", b)!, a); mini($(".me", b)!, d);
  if (meta.dataset.shape !== shape) {
    meta.dataset.shape = shape;
    meta.replaceChildren(...sizes.map(([id, cls]) => el("span", { class: "nl" }, el("span", { class: cls }, `${node(id)!.rows}×${node(id)!.cols}`), " ", el("b"))), d && node(d) ? el("span", { class: "nl", "data-check": d }) : "");
  }
  $$("b", meta).forEach((e, k) => put(e, normText(sizes[k]![0])));
  const c = $("[data-check]", meta);
  if (c) put(c, mark(checked(d)));
}

/** The panel of the open row, and how it shows other numbers in its place. */
let open: { box: HTMLElement; row: Row; refresh(): boolean } | null = null;

function panel(t: Table, r: Row): HTMLElement {
  const a = here(r.value), d = r.error && node(here(r.error)) ? here(r.error) : "";
  const na = node(a)!, microA = el("div", { class: "micro" }), microD = el("div", { class: "micro" });
  const paired = d !== "" && node(d)!.rows === na.rows && node(d)!.cols === na.cols;
  const clamp = (id: string): [number, number] => { const n = node(id)!; return [Math.min(place.cell[0], n.rows - 1), Math.min(place.cell[1], n.cols - 1)]; };
  const choose = (side: "value" | "error") => (i: number, j: number) => {
    go({ cell: [i, j] }, true);
    const td = $(`[data-side="${side}"] td[data-ij="${i},${j}"]`);
    td?.focus({ preventScroll: true });
    td?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const side = (id: string, which: "value" | "error") => {
    const g = grid(id, {
      cell: clamp(id), choose: choose(which), caption: math(which === "value" ? na.math : node(id)!.math, which === "value" ? "v" : "e"),
      hover: look,
      leave: s => { if (!d || s !== (which === "value" ? 1 : -1)) return false; const other = which === "value" ? d : a, n = node(other)!; choose(which === "value" ? "error" : "value")(Math.min(place.cell[0], n.rows - 1), which === "value" ? 0 : n.cols - 1); return true; },
    });
    g.dataset.side = which;
    return g;
  };
  const look = (i: number, j: number) => { // the same cell in both, as far as they have it
    for (const [id, box] of [[a, microA], [d, microD]] as const) if (id) { const n = node(id)!; if (i < n.rows && j < n.cols) void microscope(box, id, i, j); else box.replaceChildren(); }
  };
  const gradients = (r.extra ?? []).map(here).filter(id => node(id)).map(id => {
    const n = node(id)!, of = (): [Float64Array, MapOptions] => [values(id, place.diff), { max: largest(id, place.diff), theorem: !place.diff }];
    return { n, of, c: map(of()[0], n.rows, n.cols, Math.min(20, Math.max(n.cols > 64 ? 320 / n.cols : 6, 160 / n.cols)) * unit(), "error", of()[1]) };
  });
  const extra = r.extra?.length ? el("div", { class: "grads" }, ...gradients.map(({ n, c }) => el("figure", {}, el("figcaption", { class: "cap" }, math(n.math, "e"), el("span", { class: "chip" }, `(${n.eq})`), el("small", {}, `${n.rows} × ${n.cols}`)), el("a", { href: toScreen("node", n.id), "aria-label": `gradient, ${n.symbol}` }, c)))) : null;
  const wide = na.cols > 12, sum = t.key === "3" && d ? el("div", { class: "full sum" }) : null;
  const grids = [side(a, "value"), ...(d ? [side(d, "error")] : [])];
  const numbers = () => { // that are not in the grids
    look(...place.cell[0] < na.rows && place.cell[1] < na.cols ? place.cell : clamp(a));
    if (sum) queueMicrotask(() => void layers(sum, d));
  };
  const box = el("div", { class: "open" + (wide ? " wide" : ""), role: "region", "aria-label": `${r.name}, open` }, ...grids, el("div", { class: "right-col" }, extra, microA, microD), sum,
    el("p", { class: "says full" }, r.says, " ", ...(r.exercise ? [el("a", { href: toScreen("derive", r.exercise) }, "Derive it"), " · "] : []), el("a", { href: toScreen("node", d || a) }, "More of it"), paired && t.key !== "3" ? " An error has the shape of its value." : ""));
  open = { box, row: r, refresh: () => {
    if (na !== node(a) || !grids.every((g, k) => g.refresh(clamp(k ? d : a)))) return false;
    for (const g of gradients) g.c.set(...g.of());
    numbers();
    return true;
  } };
  numbers();
  return box;
}

/** tableKey handles a key of the screen. */
export function tableKey(e: KeyboardEvent): boolean {
  const rows = $$<HTMLButtonElement>(".row"), i = rows.findIndex(r => r.getAttribute("aria-expanded") === "true" || r === document.activeElement);
  const to = (k: number) => { const r = rows[Math.max(0, Math.min(rows.length - 1, k))]!; go({ row: r.dataset.k! }, true); const now = $(`.row[data-k="${r.dataset.k}"]`); now?.focus(); now?.scrollIntoView({ block: "nearest" }); return true; };
  if (e.key === "n") return to(i + 1);
  if (e.key === "p") return to(i - 1);
  if (e.key === "N" || e.key === "P") { step(e.key === "N" ? -1 : 1); return true; } // the backward pass goes up
  if (e.key === "Escape" && place.row) { const k = place.row; go({ row: "" }, true); $(`.row[data-k="${k}"]`)?.focus(); return true; }
  if (e.key === "x" && place.row === "mask" && (e.target as HTMLElement).dataset.ij) {
    const [r, c] = (e.target as HTMLElement).dataset.ij!.split(",").map(Number), id = here("b{b}.h{h}.m"), open = values(here("b{b}.h{h}.rho_causal"))[r! * node(id)!.cols + c!] !== -Infinity; // which is on the screen
    go({ state: { ...place.state, edits: [...(place.state.edits ?? []).filter(x => x.id !== id || x.i !== r || x.j !== c), { id, i: r!, j: c!, v: open ? null : 0 }] } });
    say(`${word(r!)} ${open ? "does not see" : "sees"} ${word(c!)} now`);
    return true;
  }
  return false;
}
