// A gradient as a sum over tokens, layer by layer, and table 3 that plays from the bottom up.

import { ask } from "./core.js";
import { $, $$, el, math, unit } from "./dom.js";
import { sig } from "./number.js";
import { map } from "./ramp.js";
import { go, place } from "./state.js";
import { norm, node, values, word } from "./store.js";

interface Layers { id: string; rows: number; cols: number; tokens: number; norms: (number | null)[]; max: number | null; left: string; right: string }

/** layers fills box with what each token adds to a gradient; with nothing where there is no such sum. */
export async function layers(box: HTMLElement, id: string): Promise<void> {
  const asked = id + JSON.stringify(place.state);
  box.dataset.asked = asked;
  let l: Layers, v: Float64Array;
  try { ({ header: l, numbers: v } = await ask<Layers>("layers", { state: place.state, id })); } catch { return; }
  if (box.dataset.asked !== asked || !box.isConnected) return;
  const n = l.rows * l.cols, px = Math.max(2, Math.min(12, 150 / l.cols, 200 / l.rows)) * unit(), max = l.max ?? 0, m = node(id)!;
  const one = (x: ArrayLike<number>, label: string) => map(x, l.rows, l.cols, px, "error", { max, theorem: true, label });
  const figure = (sign: string, c: HTMLElement, ...caption: (HTMLElement | string)[]) => el("li", {}, el("span", { class: "sign", "aria-hidden": "true" }, sign), el("figure", {}, c, el("figcaption", { class: "small" }, ...caption)));
  box.replaceChildren(el("h3", { class: "h3" }, l.left ? "A sum over tokens of layers of rank one, " : "A sum over tokens of ", ...(l.left ? [math(l.left, "v"), " of the token times ", math(l.right, "e"), " of the token"] : [math(l.right, "e")]), "; all on one scale"),
    el("ul", { class: "layers" }, ...Array.from({ length: l.tokens }, (_, t) => figure(t ? "+" : "", one(v.subarray(t * n, (t + 1) * n), `layer of token ${t + 1}, ${word(t)}, norm ${sig(l.norms[t])}`), word(t), " ", el("b", {}, sig(l.norms[t], 2)))), figure("=", one(values(id), `their sum, norm ${sig(norm(id))}`), math(m.math, "e"), " ", el("b", {}, sig(norm(id), 2)))));
}

let playing = 0;
const stop = () => { clearInterval(playing); playing = 0; const b = $("#play"); if (b) { b.textContent = "Play upwards"; b.setAttribute("aria-pressed", "false"); } };

/** player is a button that opens one row after the other, as the backward pass meets them. */
export function player(): HTMLElement {
  return el("button", { type: "button", id: "play", "data-k": "play", "aria-pressed": String(!!playing), onclick: () => { if (playing) stop(); else { step(-1, true); playing = window.setInterval(() => { if (!$("#play") || document.hidden || !step(-1)) stop(); }, 2500); const b = $("#play"); if (b) { b.textContent = "Pause"; b.setAttribute("aria-pressed", "true"); } } } }, playing ? "Pause" : "Play upwards");
}

/** step opens the row that is so many below the open one; from no row, or at the top with again, it begins at the bottom. */
export function step(by: number, again = false): boolean {
  const rows = $$<HTMLButtonElement>(".t1 .row").filter(r => r.getAttribute("aria-disabled") !== "true"), i = rows.findIndex(r => r.getAttribute("aria-expanded") === "true");
  const k = i < 0 || again && i + by < 0 ? by < 0 ? rows.length - 1 : 0 : i + by, to = rows[k];
  if (!to) return false;
  go({ row: to.dataset.k! }, true);
  const now = $(`.row[data-k="${to.dataset.k}"]`);
  if (!playing && !again) now?.focus({ preventScroll: true });
  now?.scrollIntoView({ block: "center" });
  return true;
}
