// What stands in the URL: #/table/1?head=1&row=softmax&cell=5,2&edit=b0.h1.rho:5,2=.2

export interface Edit { id: string; i: number; j: number; v: number | null }

/** A value that is a constant for the backward pass; frozen, it also stays what it is without the edits. */
export interface Hold { id: string; frozen?: boolean }

/** The part of the URL that the core computes from. */
export interface Rate { from: number; rate: number }
export interface State { model?: string; seed?: number; step?: number; rates?: Rate[]; tokens?: number[]; targets?: number[]; mean?: boolean; rank?: number; edits?: Edit[]; held?: Hold[] }

export interface Place {
  path: string[];      // of the screen, such as ["table", "1"]
  state: State;
  block: number;       // from 0
  head: number;        // from 0
  row: string;         // that is open, "" for none
  cell: [number, number];
  diff: boolean;       // what changed is shown, and not what is
  answer: string;      // of an exercise
  knob: number | null; // of a law, null where it starts
  broken: boolean;     // a law is broken
  alpha: number | null; // of the adapter, null where it starts
  steps: number | null; // that it was trained
  net: string;         // sizes whose parameters are counted, "" for this network's
  write: string;       // how the network writes: temperature, top-k, top-p, seed, tokens of the prompt
  unknown: string[];   // keys that the link has and the studio does not know
}

const known = ["v", "model", "seed", "tok", "tgt", "mean", "rank", "step", "rates", "write", "edit", "held", "block", "head", "row", "cell", "diff", "answer", "knob", "broken", "net", "alpha", "steps", "ramp"];
const whole = (s: string | null, otherwise: number) => s != null && /^\d{1,9}$/.test(s) ? Number(s) : otherwise;
const list = (s: string | null) => s == null || !/^-?\d{1,4}(\.-?\d{1,4})*$/.test(s) ? undefined : s.split(".").map(Number);

export function parse(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const q = new URLSearchParams(query);
  const unknown = [...new Set(q.keys())].filter(k => !known.includes(k));
  const state: State = {};
  if (q.get("model")) state.model = q.get("model")!;
  if (whole(q.get("seed"), 0)) state.seed = whole(q.get("seed"), 0);
  if (list(q.get("tok"))) state.tokens = list(q.get("tok"))!;
  if (list(q.get("tgt"))) state.targets = list(q.get("tgt"))!;
  if (q.get("mean") === "1") state.mean = true;
  if (whole(q.get("rank"), 0)) state.rank = whole(q.get("rank"), 0);
  if (whole(q.get("step"), 0)) state.step = whole(q.get("step"), 0);
  const rates = (q.get("rates") ?? "").split(",").filter(Boolean).map(r => /^(\d{1,5}):([\d.e-]+)$/.exec(r));
  if (rates.length && rates.every(r => r && Number.isFinite(Number(r[2])))) state.rates = rates.map(r => ({ from: Number(r![1]), rate: Number(r![2]) }));
  const edits: Edit[] = [];
  for (const e of (q.get("edit") ?? "").split(";").filter(Boolean)) {
    const m = /^([\w.-]+):(\d{1,4}),(\d{1,4})=(hidden|[-+.\deE]+)$/.exec(e);
    if (m && (m[4] === "hidden" || Number.isFinite(Number(m[4])))) edits.push({ id: m[1]!, i: Number(m[2]) - 1, j: Number(m[3]) - 1, v: m[4] === "hidden" ? null : Number(m[4]) });
    else unknown.push("edit=" + e);
  }
  if (edits.length) state.edits = edits;
  if (q.get("held")) state.held = q.get("held")!.split(",").map(h => h.endsWith("*") ? { id: h.slice(0, -1), frozen: true } : { id: h });
  const cell = /^(\d{1,4}),(\d{1,4})$/.exec(q.get("cell") ?? "");
  document.documentElement.dataset.ramp = q.get("ramp") === "diverging" ? "diverging" : "spot";
  return {
    path: path.split("/").filter(Boolean).map(decodeURIComponent), state, unknown,
    block: whole(q.get("block"), 0), head: whole(q.get("head"), 1),
    row: q.get("row") ?? "", cell: cell ? [Number(cell[1]) - 1, Number(cell[2]) - 1] : [0, 0],
    diff: q.get("diff") === "1", answer: q.get("answer") ?? "", write: q.get("write") ?? "",
    knob: /^-?\d{1,4}(\.\d{1,4})?$/.test(q.get("knob") ?? "") ? Number(q.get("knob")) : null, broken: q.get("broken") === "1", net: q.get("net") ?? "",
    alpha: /^\d(\.\d{1,3})?$/.test(q.get("alpha") ?? "") ? Number(q.get("alpha")) : null, steps: q.has("steps") ? whole(q.get("steps"), 0) : null,
  };
}

/** link is the URL of a place; what it has of the default is left out. */
export function link(p: Partial<Place> & { path: string[] }): string {
  const q: string[] = [], put = (k: string, v: string) => q.push(k + "=" + encodeURIComponent(v).replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%3D/g, "=").replace(/%3B/g, ";"));
  const s = p.state ?? {};
  if (s.model) put("model", s.model);
  if (s.seed) put("seed", String(s.seed));
  if (s.step) put("step", String(s.step));
  if (s.rates?.length) put("rates", s.rates.map(r => `${r.from}:${r.rate}`).join(","));
  if (s.tokens) put("tok", s.tokens.join("."));
  if (s.targets) put("tgt", s.targets.join("."));
  if (s.mean) put("mean", "1");
  if (s.rank) put("rank", String(s.rank));
  if (s.edits?.length) put("edit", s.edits.map(e => `${e.id}:${e.i + 1},${e.j + 1}=${e.v ?? "hidden"}`).join(";"));
  if (s.held?.length) put("held", s.held.map(h => h.id + (h.frozen ? "*" : "")).join(","));
  if (p.block) put("block", String(p.block));
  if (p.head != null && p.head !== 1) put("head", String(p.head));
  if (p.row) put("row", p.row);
  if (p.cell && (p.cell[0] || p.cell[1])) put("cell", `${p.cell[0] + 1},${p.cell[1] + 1}`);
  if (p.diff) put("diff", "1");
  if (p.write && p.path[0] === "generate") put("write", p.write);
  if (p.answer) put("answer", p.answer);
  if (p.path[0] === "laws" && p.knob != null) put("knob", String(p.knob));
  if (p.path[0] === "laws" && p.broken) put("broken", "1");
  if (p.path[0] === "lora" && p.alpha != null) put("alpha", String(p.alpha));
  if (p.path[0] === "lora" && p.steps != null) put("steps", String(p.steps));
  if (p.path[0] === "params" && p.net) put("net", p.net);
  if (document.documentElement.dataset.ramp === "diverging") put("ramp", "diverging");
  return "#/" + p.path.map(encodeURIComponent).join("/") + (q.length ? "?v=1&" + q.join("&") : "");
}

/** toScreen is the link to a screen, with the state that is shown. */
export const toScreen = (...path: string[]) => link({ ...place, path, row: "", cell: [0, 0] });

export let place: Place = parse(location.hash);
const listeners: (() => void)[] = [];
export const onPlace = (f: () => void) => listeners.push(f);

addEventListener("hashchange", () => { place = parse(location.hash); for (const f of listeners) f(); });

/** go changes the place. An edit, a word, a screen is a step back for the browser; a cell is not. */
export function go(change: Partial<Place>, keep = false): void {
  place = { ...place, unknown: [], ...change };
  const url = link(place);
  if (url === (location.hash || "#/")) return;
  if (keep) history.replaceState(null, "", url); else history.pushState(null, "", url);
  for (const f of listeners) f();
}

/** withEdit is the state with one more edit; the last edit of a cell counts. */
export function withEdit(s: State, e: Edit): State {
  return { ...s, edits: [...(s.edits ?? []).filter(x => x.id !== e.id || x.i !== e.i || x.j !== e.j), e] };
}
