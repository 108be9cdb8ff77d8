// What the core said of the present state: names once a network, numbers once a revision.

import { ask, type Check, type Node, type Opened, type Traced } from "./core.js";
import { place, type State } from "./state.js";

export let opened: Opened;
export let traced: Traced;
let numbers = new Float64Array();
let index = new Map<string, number>();
let openKey = "", traceKey = "", revision = 0;
const checks = new Map<string, Check>();

const shapeKey = (s: State) => JSON.stringify([s.model, s.rank, s.tokens?.length]);

/** load asks for what the place needs. It says whether the numbers are new, and is the last
 * word only if no newer one was asked for meanwhile. */
export async function load(): Promise<boolean> {
  const { state, diff } = place;
  const key = JSON.stringify([state, diff]);
  if (key === traceKey) return false;
  const mine = ++revision;
  if (diff && !opened) opened = (await ask<Opened>("open", { state })).header; // how many words the model's own sentence has
  const before = diff ? { before: { ...state, edits: [], tokens: state.tokens?.length === opened?.model.tokens.length ? undefined : state.tokens } } : {};
  const [names, t] = await Promise.all([
    openKey === shapeKey(state) ? null : ask<Opened>("open", { state, rev: mine }),
    ask<Traced>("trace", { state, rev: mine, want: ["*"], ...before }),
  ]);
  if (mine !== revision) return false;
  if (names) {
    opened = names.header;
    index = new Map(opened.nodes.map((n, i) => [n.id, i]));
    openKey = shapeKey(state);
  }
  traced = t.header;
  numbers = t.numbers as Float64Array<ArrayBuffer>;
  if (key !== traceKey) checks.clear();
  traceKey = key;
  return true;
}

export const node = (id: string): Node | undefined => opened.nodes[index.get(id) ?? -1];
export const norm = (id: string) => traced.norms[index.get(id)!];
export const normBefore = (id: string) => traced.beforeNorms?.[index.get(id)!];
export const changeOf = (id: string) => traced.change?.[index.get(id)!];

/** values are the numbers of a node, or with diff what changed in them. */
export function values(id: string, diff = false): Float64Array {
  const n = node(id)!, at = (diff ? traced.changeAt : traced.at)![index.get(id)!]!;
  return at < 0 ? new Float64Array(n.rows * n.cols) : numbers.subarray(at, at + n.rows * n.cols);
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
let queue: string[] = [], running = false, timer = 0;
export const checked = (id: string) => checks.get(id);

export function wantChecks(ids: string[], tell: (id: string, c: Check) => void): void {
  queue = ids.filter(id => !checks.has(id));
  clearTimeout(timer);
  timer = window.setTimeout(() => { if (!running) void work(tell); }, 300);
}
async function work(tell: (id: string, c: Check) => void): Promise<void> {
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
