// A small network that trains before the reader's eyes. What is shown is the step in the URL:
// every other screen opens it, and the training goes back to it.

import { $, el, say, svg, unit, scroller } from "./dom.js";
import { fixed, sig } from "./number.js";
import { go, link, place, type State } from "./state.js";
import { text } from "./text.js";
import { training, trainOn, type Training } from "./training.js";

let running = false;
const rates = [.0003, .001, .003, .01, .03, .1, .3];
const state = (): State => place.state;
const rateNow = (s: State) => (s.rates ?? [{ from: 0, rate: .003 }]).filter(r => r.from <= (s.step ?? 0)).at(-1)!.rate;

/** withRate is the state whose learning rate is another from its step on. */
function withRate(s: State, rate: number): State {
  const kept = (s.rates ?? [{ from: 0, rate: .003 }]).filter(r => r.from < (s.step ?? 0));
  const all = kept.length && kept.at(-1)!.rate === rate ? kept : [...kept, { from: s.step ?? 0, rate }];
  return { ...s, rates: all };
}

export async function trainScreen(main: HTMLElement): Promise<boolean> {
  if (state().model !== "story") { go({ state: { model: "story" } }, true); return true; }
  document.title = text.trainTitle + " · pedestrian studio";
  const s = state(), t = training(s) ?? await trainOn(s, 1), at = Math.min(s.step ?? 0, t.loss.length);
  if (!$("#train")) {
    main.replaceChildren(el("h1", {}, text.trainTitle), el("p", { class: "lead" }, text.trainLead),
      el("div", { id: "train" }, el("div", { class: "bar-top ui", id: "controls" }), el("div", { class: "over" },
        el("section", { "aria-label": text.lossCurve }, el("div", { id: "curve", class: "curve" }), el("p", { class: "small", id: "reading" })),
        el("aside", { class: "side" }, el("h2", { class: "h3" }, text.layerNorms), scroller(text.layerNorms, el("table", { class: "plain", id: "layers" })))),
      el("h2", { class: "h3" }, text.snapshots), scroller(text.snapshots, el("table", { class: "plain snaps", id: "snaps" }))));
    new ResizeObserver(() => { const t = training(state()); if ($("#curve") && t) curve(t); }).observe($("#curve")!.parentElement!);
  }
  controls(t, at); curve(t); layers(t, at); snaps(t, at);
  return true;
}

function controls(t: Training, at: number): void {
  const s = state(), focus = (document.activeElement as HTMLElement | null)?.dataset.k, more = !t.ended || at < t.loss.length;
  const pick = (label: string, k: string, options: [string, string][], chosen: string, choose: (v: string) => void) =>
    el("label", {}, label + " ", el("select", { "data-k": k, class: "pick", onchange: (e: Event) => choose((e.target as HTMLSelectElement).value) }, ...options.map(([v, w]) => el("option", { value: v, selected: v === chosen }, w))));
  $("#controls")!.replaceChildren(
    el("button", { type: "button", class: "primary", "data-k": "run", disabled: !more, onclick: toggle }, running ? text.pause : at ? text.goOn : text.start),
    el("button", { type: "button", "data-k": "one", disabled: running || !more, onclick: () => void advance(1) }, text.oneStep),
    el("button", { type: "button", "data-k": "rewind", disabled: running || !at, onclick: () => rewind(Math.max(0, Math.ceil(at / t.about.snapshots) - 1) * t.about.snapshots) }, text.rewind),
    pick(text.rate, "rate", rates.map(r => [String(r), fixed(r, 4).replace(/0+$/, "")]), String(rateNow(s)), v => { running = false; go({ state: withRate(state(), Number(v)) }, true); say(text.rateFrom(v, at)); }),
    pick(text.seed, "seed", [0, 1, 2, 3, 4].map(x => [String(x), String(x)]), String(s.seed ?? 0), v => { running = false; go({ state: { model: "story", seed: Number(v) } }, true); }),
    el("span", { class: "small", id: "at" }, text.stepOf(at, t.about.most)));
  if (focus) $(`[data-k="${focus}"]:not(:disabled)`, $("#controls")!)?.focus();
  $("#reading")!.replaceChildren(at ? text.reading(at, fixed(t.loss[at - 1]!, 3), sig(t.norm[at - 1])) : text.before, " ",
    t.ended && at === t.loss.length ? t.ended[0]!.toUpperCase() + t.ended.slice(1) + ". " : "",
    ...[["", "Block"], ["table/1", "Table 1"], ["generate", "Generate"]].flatMap(([p, w], i) => [i ? " · " : text.seeStep(at), el("a", { href: link({ ...place, path: p!.split("/").filter(Boolean), row: "" }) }, w!)]));
}

/** curve draws the loss over the steps, with the losses of predictors that are no networks. */
function curve(t: Training): void {
  const box = $("#curve")!, W = box.clientWidth, u = unit(), H = 300 * u, left = 34 * u, right = 84 * u, a = t.about, at = Math.min(state().step ?? 0, t.loss.length);
  if (!W) return;
  const losses = t.loss.filter(Number.isFinite), top = Math.max(a.uniform * 1.05, Math.min(8, ...[Math.max(0, ...losses)]));
  const most = Math.max(100, Math.min(a.most, Math.ceil(t.loss.length / 100) * 100)), X = (i: number) => left + (W - left - right) * i / most, Y = (l: number) => 8 + (H - 30) * (1 - Math.min(top, l) / top);
  const s = svg("svg", { width: W, height: H, role: "img", "aria-label": text.curveSays(at, at ? fixed(t.loss[at - 1]!, 2) : "", fixed(a.bigram, 2)) });
  const word = (x: number, y: number, w: string, anchor = "start") => { const e = svg("text", { x, y, "text-anchor": anchor }); e.textContent = w; s.append(e); };
  const line = (d: string, cls: string) => s.append(svg("path", { d, class: cls }));
  let last = -1e9;
  for (const [l, w] of [[a.uniform, text.uniform], [a.unigram, "unigram"], [a.bigram, "bigram"], [a.floor, text.floor]] as [number, string][]) {
    line(`M${left} ${Y(l)}H${W - right}`, "base");
    const y = Math.max(Y(l) + 4, last + 13 * u);
    word(W - right + 6, y, `${w} ${fixed(l, 2)}`); last = y;
  }
  for (let l = 0; l <= top; l++) word(left - 6, Y(l) + 4, String(l), "end");
  for (let i = 0; i <= most; i += most / 4) word(X(i), H - 6, String(i), i ? "middle" : "start");
  line(`M${left} ${Y(top)}V${Y(0)}H${W - right}`, "axis");
  if (t.loss.length > 1) line("M" + t.loss.map((l, i) => `${X(i + 1).toFixed(1)} ${Y(Number.isFinite(l) ? l : top).toFixed(1)}`).join("L"), "loss");
  for (const [step, l] of t.evaluations) if (l != null && step <= t.loss.length) s.append(svg("circle", { cx: X(step), cy: Y(l), r: 2.5 * u, class: "eval" }));
  line(`M${X(at)} 8V${Y(0)}`, "now");
  for (const r of state().rates ?? []) if (r.from) { line(`M${X(r.from)} ${Y(0)}v-8`, "axis"); word(X(r.from), Y(0) - 12, "η " + fixed(r.rate, 4).replace(/0+$/, ""), "middle"); }
  box.replaceChildren(s);
}

function layers(t: Training, at: number): void {
  const u = unit(), w = 120 * u, h = 18 * u, all = t.layers.flat().filter(x => x > 0), lo = Math.log(Math.min(1, ...all)), hi = Math.log(Math.max(1e-3, ...all));
  $("#layers")!.replaceChildren(el("thead", {}, el("tr", {}, el("th", { scope: "col" }, text.layer), el("th", { scope: "col", class: "r" }, text.norm), el("td"))),
    el("tbody", {}, ...t.about.layers.map((name, k) => {
      const x = t.layers[k]!, s = svg("svg", { width: w, height: h, "aria-hidden": "true" }), y = (v: number) => h - 2 - (h - 4) * (Math.log(Math.max(v, 1e-9)) - lo) / (hi - lo || 1);
      const every = Math.max(1, Math.floor(x.length / 120)), points = x.filter((_, i) => i % every === 0);
      if (points.length > 1) s.append(svg("path", { d: "M" + points.map((v, i) => `${(i * w / (points.length - 1)).toFixed(1)} ${(Number.isFinite(v) ? y(v) : 0).toFixed(1)}`).join("L"), class: "grad" }));
      return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "r e" }, at ? sig(x[at - 1], 2) : ""), el("td", { class: "sparkcell" }, s as unknown as HTMLElement));
    })));
}

function snaps(t: Training, at: number): void {
  const every = t.about.snapshots, all = Array.from({ length: Math.floor(t.loss.length / every) + 1 }, (_, i) => i * every);
  $("#snaps")!.replaceChildren(el("tbody", {},
    el("tr", {}, el("th", { scope: "row" }, text.step), ...all.map(i => el("td", { class: "r" }, el("button", { type: "button", class: "quiet", "data-k": "snap" + i, "aria-pressed": String(i === at), "aria-label": text.goBack(i), onclick: () => rewind(i) }, String(i))))),
    el("tr", {}, el("th", { scope: "row" }, text.unseen), ...all.map(i => el("td", { class: "r" }, t.evaluations.get(i) == null ? "?" : fixed(t.evaluations.get(i)!, 2))))));
}

/** rewind shows an earlier step. The later ones are known, and come again unless the rate is another. */
function rewind(step: number): void {
  running = false;
  go({ state: { ...state(), step, edits: [] } }, true);
  say(text.rewound(step));
}

function toggle(): void {
  running = !running;
  if (running) void run(); else go({}, true), void trainScreen($("#main")!);
}

/** run asks for steps at most ten times a second, while this screen is shown. */
async function run(): Promise<void> {
  let n = 2;
  while (running && place.path[0] === "train" && !document.hidden) {
    const began = performance.now();
    if (!await advance(n)) break;
    const took = performance.now() - began;
    n = Math.max(1, Math.min(25, Math.round(n * (took < 70 ? 1.5 : took > 140 ? .6 : 1))));
    await new Promise(done => setTimeout(done, Math.max(0, 100 - took)));
  }
  running = false;
  if (place.path[0] === "train") { const t = training(state()); if (t) controls(t, state().step ?? 0); say(text.pausedAt(state().step ?? 0)); }
}

/** advance goes n steps on; false is that there is none. */
async function advance(n: number): Promise<boolean> {
  const s = state(), at = s.step ?? 0;
  let t = training(s);
  try {
    if (!t || t.loss.length < at + n && !t.ended) t = await trainOn(s, n);
  } catch (e) {
    running = false;
    say(String(e));
    return false;
  }
  if (place.path[0] !== "train" || state() !== s) return false; // somebody went elsewhere meanwhile
  const to = Math.min(at + n, t.loss.length);
  if (to === at) return false;
  go({ state: { ...s, step: to, edits: [] } }, true);
  return true;
}

export function trainKey(e: KeyboardEvent): boolean {
  const press = (k: string) => { $<HTMLButtonElement>(`[data-k="${k}"]`)?.click(); return true; };
  return e.key === "s" ? press("run") : e.key === "n" ? press("one") : e.key === "p" ? press("rewind") : false;
}
