// The network writes, token by token: what may come next, what is left of it by temperature,
// top-k and top-p, and the keys and values that are kept. How it is sampled stands in the URL:
// write=temperature,top-k,top-p,seed,prompt.

import { ask } from "./core.js";
import { blockPicker } from "./block.js";
import { $, $$, el, say, unit } from "./dom.js";
import { fixed, sig } from "./number.js";
import { map } from "./ramp.js";
import { go, place } from "./state.js";
import { opened, traced, word } from "./store.js";
import { text } from "./text.js";

interface Choice { token: number; p: number; q: number }
interface Chosen {
  prompt: number; taken: number; choices: Choice[]; left: number; full: boolean; keys: [number, number]; values: [number, number];
  maxKey: number; maxValue: number; apart: [number, number, number]; rows: number; scores: [number, number];
}
const start = [.8, 0, 0, 1, 0];
const how = (): number[] => /^[\d.]+(,[\d.]+){4}$/.test(place.write) ? place.write.split(",").map(Number) : start;
let last: Chosen | null = null;

export async function generateScreen(main: HTMLElement): Promise<boolean> {
  document.title = text.generateTitle + " · pedestrian studio";
  const n = traced.tokens.length;
  if (!place.write) { // a prompt, so that there is room to write
    const tokens = traced.tokens.slice(0, Math.max(1, Math.floor(n / 2)));
    go({ state: { ...place.state, tokens, targets: undefined, edits: (place.state.edits ?? []).filter(e => /(^|\.)[wb]_/.test(e.id)) }, write: [...start.slice(0, 4), tokens.length].join(",") }, true);
    return true;
  }
  const [temperature, topk, topp, draw, prompt] = how() as [number, number, number, number, number], given = Math.min(prompt || n, n), asked = location.hash;
  const { header: h, numbers } = await ask<Chosen>("next", { state: place.state, prompt: given, temperature, topk, topp, draw, block: Math.min(place.block, opened.model.config.blocks - 1), head: Math.min(place.head, opened.model.config.heads - 1) });
  if (asked !== location.hash) return true;
  last = h;
  const focus = (document.activeElement as HTMLElement | null)?.dataset.k, u = unit();
  const set = (i: number, v: number) => { const w = how(); w[i] = v; go({ write: w.join(",") }, true); };
  const pick = (label: string, k: string, i: number, options: number[], none: string) => el("label", {}, label + " ", el("select", { "data-k": k, class: "pick", onchange: (e: Event) => set(i, Number((e.target as HTMLSelectElement).value)) },
    ...[...new Set([...options, how()[i]!])].map(v => el("option", { value: v, selected: v === how()[i] }, v === 0 && none ? none : String(v)))));
  const top = Math.max(...h.choices.map(c => Math.max(c.p, c.q)));
  const bar = (x: number, cls: string) => { const b = el("span", { class: "bar " + cls }); b.style.width = 100 * x / top + "%"; return el("span", { class: "barbox", "aria-hidden": "true" }, b); };
  const cache = (v: Float64Array, [rows, cols]: [number, number], max: number, name: string) => el("figure", { class: "cache" }, el("figcaption", { class: "cap" }, name, el("small", {}, `${rows} × ${cols}`)),
    el("div", { class: "cachemap" }, el("div", { class: "rowsof ui", "aria-hidden": "true" }, ...Array.from({ length: rows }, (_, t) => { const s = el("span", { class: t === rows - 1 ? "fresh" : "" }, word(t)); s.style.height = 16 * u + "px"; return s; })),
      map(v, rows, cols, 16 * u, "value", { max, label: text.cacheSays(name, rows, cols) })));
  const kn = h.keys[0] * h.keys[1], heads = opened.model.config.heads;
  main.replaceChildren(
    el("h1", {}, text.generateTitle), el("p", { class: "lead" }, text.generateLead),
    el("p", { class: "written", id: "written" }, ...traced.tokens.map((_, t) => el("span", { class: t < given ? "given" : t === n - 1 ? "fresh" : "" }, word(t) + (/^[A-Za-z]{2}|^\.$/.test(opened.model.words[2] ?? "") ? " " : "")))),
    el("div", { class: "bar-top ui" },
      el("button", { type: "button", class: "primary", "data-k": "next", disabled: h.full, onclick: () => take(h.taken) }, text.nextToken),
      el("button", { type: "button", "data-k": "back", disabled: n <= given, onclick: back }, text.takeBack),
      pick(text.temperature, "temp", 0, [0, .5, .8, 1, 1.5, 2], ""), pick("top-k", "topk", 1, [0, 1, 2, 3, 5, 10], text.all), pick("top-p", "topp", 2, [0, .5, .8, .9, .95], text.all), pick(text.seed, "draw", 3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "")),
    h.full ? el("p", { class: "small", role: "status" }, text.full) : "",
    el("div", { class: "over" },
      el("section", { "aria-label": text.choices }, el("table", { class: "plain", id: "choices" },
        el("thead", {}, el("tr", {}, ...["", text.token, text.byNetwork, "", text.asSampled, ""].map((x, i) => x ? el("th", { scope: "col", class: i > 1 ? "r" : "" }, x) : el("td")))),
        el("tbody", {}, ...h.choices.map((c, i) => el("tr", { class: c.q ? "" : "out" },
          el("td", {}, i < 9 ? el("kbd", {}, String(i + 1)) : ""),
          el("td", {}, el("button", { type: "button", class: "token", "data-k": "c" + i, disabled: h.full, "aria-label": text.choose(opened.model.words[c.token]!, c.p), onclick: () => take(c.token) }, opened.model.words[c.token]!), c.token === h.taken ? el("span", { class: "small" }, " " + text.drawn) : ""),
          el("td", { class: "r" }, fixed(c.p, 3)), el("td", { class: "bars" }, bar(c.p, "p")), el("td", { class: "r" }, c.q ? fixed(c.q, 3) : text.leftOut), el("td", { class: "bars" }, c.q ? bar(c.q, "q") : ""))))),
        el("p", { class: "small" }, text.leftSays(h.left, opened.model.words.length))),
      el("aside", { class: "side" }, el("h2", { class: "h3" }, text.cacheTitle),
        opened.model.config.blocks > 1 ? blockPicker() : "", el("span", { class: "seg", role: "group", "aria-label": "head" }, ...Array.from({ length: heads }, (_, k) => el("button", { type: "button", "data-k": "head" + k, "aria-pressed": String(k === Math.min(place.head, heads - 1)), onclick: () => go({ head: k }, true) }, `Head ${k}`))),
        cache(numbers.subarray(0, kn), h.keys, h.maxKey, text.keys), cache(numbers.subarray(kn), h.values, h.maxValue, text.values),
        el("dl", { class: "facts" }, ...([[text.thisToken, text.oneRow(h.scores[0])], [text.without, text.allRows(h.rows, h.scores[1])], [text.difference, h.apart.every(x => x === 0) ? text.exactly : text.apart(sig(h.apart[0], 2), sig(h.apart[1], 2), sig(h.apart[2], 2))]] as [string, string][]).flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])))),
    el("p", { class: "foot ui" }, ...[["n", text.nextToken], ["1 9", text.chooseOne], ["p", text.takeBack]].map(([k, s]) => el("span", {}, ...k!.split(" ").flatMap((x, i) => [i ? "– " : "", el("kbd", {}, x), " "]), s!))));
  if (focus) $(`[data-k="${focus}"]:not(:disabled)`, main)?.focus({ preventScroll: true });
  return true;
}

function take(token: number): void {
  if (!last || last.full) return;
  go({ state: { ...place.state, tokens: [...traced.tokens, token], targets: undefined } });
  say(text.took(opened.model.words[token]!));
}
function back(): void {
  if (!last || traced.tokens.length <= last.prompt) return;
  go({ state: { ...place.state, tokens: traced.tokens.slice(0, -1), targets: undefined } });
}

export function generateKey(e: KeyboardEvent): boolean {
  if (!last) return false;
  if (e.key === "n") { take(last.taken); return true; }
  if (e.key === "p") { back(); return true; }
  const c = /^[1-9]$/.test(e.key) ? last.choices[Number(e.key) - 1] : undefined;
  if (c) take(c.token);
  return !!c && $$("#choices").length > 0;
}
