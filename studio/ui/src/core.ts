// The core answers requests: behind a server, or in a worker beside the page. Nobody else in
// the page knows which.

export type Kind = "value" | "error" | "gradient" | "parameter" | "mask";

export interface Node {
  id: string; symbol: string; math: string; kind: Kind; eq?: string; title?: string; at: string;
  rows: number; cols: number; partner?: string; hidden?: string;
}
export interface Row {
  key: string; name: string; value: string; error?: string; forward: string; backward: string;
  eqf?: string; eqb?: string; note?: string; says: string; extra?: string[]; exercise?: string;
}
export interface Table { key: string; title: string; lead: string; heads: boolean; rows: Row[] }
export interface Model {
  name: string; title: string; words: string[]; tokens: number[]; targets: number[];
  config: { vocab: number; context: number; width: number; heads: number; blocks: number; activation: string };
}
export interface Opened { rev: number; model: Model; nodes: Node[]; tables: Table[]; models: Model[] }
type Nums = (number | null)[];
export interface Traced {
  rev: number; loss: number | null; tokens: number[]; targets: number[]; losses: Nums; p: Nums; norms: Nums; max: Nums; at: number[]; looks?: Microscope[];
  beforeLoss?: number; beforeLosses?: Nums; beforeNorms?: Nums; changeAt?: number[]; change?: Nums;
}
export interface Check { id: string; cells: number; refused?: number; worst: number | null; i: number; j: number; ok: boolean; why?: string }
export interface TermRow { label: string; kind: Kind; v: Nums; total?: number }
export interface Ref { id: string; i: number; j: number }
export interface Microscope extends Ref {
  formula: string; numbers: string; says?: string; from: Ref[]; feeds: string[];
  terms?: { head: string[]; hot: number; rows: TermRow[] };
}
export interface Entry {
  number: string; title: string; math: string; ascii: string; shapes: string; func?: string; check: string;
  identities?: string[]; derivation: string; errata?: string[]; exercises?: string[];
}
export interface Span { kind?: string; text: string; to?: string; book?: string; anchor?: string }
export interface Passage { kind: string; spans?: Span[]; rows?: Span[][][]; text?: string; image?: string; anchors?: string[]; start?: number }
export interface Answer<T> { header: T; numbers: Float64Array }

type Send = (body: string, live: boolean) => Promise<ArrayBuffer>;

function overHTTP(): Send {
  return async body => {
    const r = await fetch("api", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (r.headers.get("Content-Type") !== "application/octet-stream") throw new Error(await r.text());
    return r.arrayBuffer();
  };
}

function inWorker(): Send {
  if (typeof WebAssembly !== "object") {
    return () => Promise.reject(new Error("This browser has no WebAssembly, in which the studio computes here. A browser of the last years has it, or run: pedestrian studio"));
  }
  const small = oneWorker("worker.js");
  let large: ReturnType<typeof oneWorker> | null = null; // loaded when it is needed
  return (body, live) => live ? (large ??= oneWorker("worker.js?live"))(body) : small(body);
}

function oneWorker(url: string): (body: string) => Promise<ArrayBuffer> {
  const worker = new Worker(url);
  const waiting = new Map<number, { done: (b: ArrayBuffer) => void; fail: (e: Error) => void }>();
  let last = 0;
  worker.onmessage = (e: MessageEvent<{ id: number; response?: ArrayBuffer; error?: string }>) => {
    const w = waiting.get(e.data.id);
    waiting.delete(e.data.id);
    if (e.data.response) w?.done(e.data.response);
    else for (const x of w ? [w] : waiting.values()) x.fail(new Error(e.data.error ?? "the worker does not answer"));
  };
  worker.onerror = () => { for (const w of waiting.values()) w.fail(new Error("The studio's core could not be loaded: are studio.wasm and live.wasm beside this page?")); };
  return body => new Promise((done, fail) => {
    const id = ++last;
    waiting.set(id, { done, fail });
    worker.postMessage({ id, body });
  });
}

const send: Send = document.querySelector<HTMLMetaElement>("meta[name=studio-core]")?.content === "worker" ? inWorker() : overHTTP();

/** trained is a network that the small core leaves to the one that trains, which is loaded when it is chosen. */
const trained = { name: "story", title: "story model, trained here" };

/** ask sends a request and takes its answer apart. */
export async function ask<T>(op: string, fields: object = {}): Promise<Answer<T>> {
  const b = await send(JSON.stringify({ op, ...fields }), op === "train" || op === "next" || (fields as { state?: { model?: string } }).state?.model === "story");
  const n = new DataView(b).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(b, 4, n)));
  if (typeof header.error === "string") throw new Error(header.error);
  if (op === "open" && !header.models.some((m: { name: string }) => m.name === trained.name)) header.models.push(trained);
  return { header, numbers: new Float64Array(b, 4 + n) };
}
