// What the core said of the present state: names once a network, numbers once a revision.

import { ask, type Check, type Microscope, type Node, type Opened, type Ref, type Traced } from "./core.js";
import { place, type State } from "./state.js";
import { reach } from "./training.js";

export let opened: Opened;
export let traced: Traced;
let held = new Map<string, Float64Array>(), heldChange = new Map<string, Float64Array>(); // numbers of this revision
let used = new Set<string>(), missing = new Set<string>(); // ids that the screen has read, and those that were not here
let index = new Map<string, number>();
let openKey = "", traceKey = "", revision = 0;
const checks = new Map<string, Check>();

let openModel: string | undefined;
const shapeKey = (s: State) => JSON.stringify([s.model, s.rank, s.tokens?.length ?? (opened && s.model === openModel ? opened.model.tokens.length : 0)]);

/** load asks for what the place needs. It says whether the numbers are new, and is the last
 * word only if no newer one was asked for meanwhile. */
export async function load(): Promise<boolean> {
  const { state, diff } = place;
  const key = JSON.stringify([state, diff]);
  if (key === traceKey) return false;
  const mine = ++revision;
  await reach(state);
  if (mine !== revision) return false;
  if (diff && !opened) opened = (await ask<Opened>("open", { state })).header; // how many words the model's own sentence has
  const [names, t] = await Promise.all([
    openKey === shapeKey(state) ? null : ask<Opened>("open", { state, rev: mine }),
    ask<Traced>("trace", { state, rev: mine, want: wanted(state), looks: openKey === shapeKey(state) ? shownCells() : [], ...beforeOf(state, diff) }),
  ]);
  if (mine !== revision) return false;
  if (names) {
    opened = names.header;
    index = new Map(opened.nodes.map((n, i) => [n.id, i]));
    openModel = state.model;
    openKey = shapeKey(state);
  }
  traced = t.header;
  held = new Map(); heldChange = new Map();
  keep(t.header, t.numbers);
  looks = traced.looks ?? [];
  if (key !== traceKey) checks.clear();
  traceKey = key;
  return true;
}

/** wanted is what the screen reads: all of a small network at first, so that other screens have it. */
function wanted(s: State): string[] {
  if (used.size && openKey === shapeKey(s)) return [...used];
  return opened ? openKey === shapeKey(s) && opened.nodes.reduce((k, n) => k + n.rows * n.cols, 0) < 20_000 ? ["*"] : [] : s.model && s.model !== "paper" && s.model !== "lesson" ? [] : ["*"];
}
const beforeOf = (state: State, diff: boolean) => diff ? { before: { ...state, edits: [], held: [], tokens: state.tokens?.length === opened?.model.tokens.length ? undefined : state.tokens } } : {};

function keep(h: Traced, numbers: Float64Array): void {
  for (const [to, at] of [[held, h.at], [heldChange, h.changeAt]] as const)
    at?.forEach((from, i) => { const n = opened.nodes[i]!; if (from >= 0) to.set(n.id, numbers.subarray(from, from + n.rows * n.cols)); });
}

// The microscopes of cells that are shown come with the numbers of the next revision.
let looks: Microscope[] = [];
const boxes = new Map<HTMLElement, Ref>();
const shownCells = (): Ref[] => {
  for (const b of boxes.keys()) if (!b.isConnected) boxes.delete(b);
  return [...boxes.values()].slice(0, 8);
};

/** look is the microscope of a cell, which box is to show; at once if it is here. */
export function look(box: HTMLElement, id: string, i: number, j: number): Microscope | Promise<Microscope> {
  boxes.set(box, { id, i, j });
  return looks.find(m => m.id === id && m.i === i && m.j === j) ?? ask<Microscope>("look", { state: place.state, id, i, j }).then(a => a.header);
}

/** another is called when the screen changes: it reads other tensors. */
export function another(): void { used = new Set(); missing = new Set(); }

/** more asks for what the screen has read and was not here. It says whether there was any. */
export async function more(): Promise<boolean> {
  const want = [...missing], mine = revision;
  missing = new Set();
  if (!want.length) return false;
  const t = await ask<Traced>("trace", { state: place.state, rev: mine, want, ...beforeOf(place.state, place.diff) });
  if (mine !== revision) return false;
  keep(t.header, t.numbers);
  return true;
}

export const node = (id: string): Node | undefined => opened.nodes[index.get(id) ?? -1];
export const norm = (id: string) => traced.norms[index.get(id)!];
export const normBefore = (id: string) => traced.beforeNorms?.[index.get(id)!];
export const changeOf = (id: string) => traced.change?.[index.get(id)!];

/** values are the numbers of a node, or with diff what changed in them. */
export function values(id: string, diff = false): Float64Array {
  used.add(id);
  const v = (diff ? heldChange : held).get(id);
  if (v) return v;
  missing.add(id);
  const n = node(id)!;
  return new Float64Array(n.rows * n.cols); // until it is here
}
/** largest is the largest number of what values returns, without its sign. */
export const largest = (id: string, diff = false) => (diff ? traced.change : traced.max)?.[index.get(id)!] ?? 0;

/** hiddenIn says which cells of a node are not seen. */
export function hiddenIn(n: Node): ((k: number) => boolean) | undefined {
  if (!n.hidden) return undefined;
  const h = values(n.hidden);
  return k => h[k] === -Infinity;
}
export const hue = (n: Node) => n.kind === "error" || n.kind === "gradient" ? "error" as const : "value" as const;
export const word = (t: number) => opened.model.words[traced.tokens[t]!] ?? String(traced.tokens[t]);

// Checks run one after the other, those of the open screen first, and count for this revision.
// They wait until nothing was changed for a moment: a worker does one thing at a time.
let queue: string[] = [], running = false, timer = 0, tell: (id: string, c: Check) => void = () => {};
export const checked = (id: string) => checks.get(id);

/** wantChecks has tensors checked, and tells each result to the screen that asked last. */
export function wantChecks(ids: string[], then: typeof tell): void {
  tell = then; // also of checks that another screen began
  queue = []; // what runs ends, and no other begins at once
  clearTimeout(timer);
  timer = window.setTimeout(() => { queue = ids.filter(id => !checks.has(id)); if (!running) void work(); }, 300);
}
async function work(): Promise<void> {
  running = true;
  while (queue.length) {
    const id = queue.shift()!, key = traceKey;
    try {
      const { header } = await ask<Check>("check", { state: place.state, id });
      if (key !== traceKey) continue; // of another revision
      checks.set(id, header);
      tell(id, header);
    } catch { /* not an error signal: there is nothing to compare */ }
  }
  running = false;
}

/** here fills block and head into an id of a table. */
export const here = (id: string) => id.replace("{b}", String(Math.min(place.block, opened.model.config.blocks - 1))).replace("{h}", String(Math.min(place.head, opened.model.config.heads - 1)));
