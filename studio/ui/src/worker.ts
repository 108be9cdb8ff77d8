// The worker runs the core, compiled to WebAssembly, beside the page.

interface Scope { // ?live is the core that trains and writes
  importScripts(url: string): void;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((e: MessageEvent<{ id: number; body: string }>) => void) | null;
  Go: new () => { importObject: WebAssembly.Imports; run(i: WebAssembly.Instance): Promise<void> };
  /** set by the core when it is ready */
  pedestrianStudio?: (request: string) => Uint8Array<ArrayBuffer>;
}
const scope = self as unknown as Scope;

scope.importScripts("wasm_exec.js");
const ready = (async () => {
  const go = new scope.Go();
  const core = location.search === "?live" ? "live.wasm" : "studio.wasm";
  const file = await fetch(core);
  if (!file.ok) throw new Error(`${core}: ${file.status} ${file.statusText}`);
  const { instance } = await WebAssembly.instantiate(await file.arrayBuffer(), go.importObject).catch(err => { throw new Error(`${core} is damaged, write the folder anew (${err})`); }); // a plain file server may not know its type
  void go.run(instance);
})();

scope.onmessage = async e => {
  try {
    await ready;
    const response = scope.pedestrianStudio!(e.data.body).buffer;
    scope.postMessage({ id: e.data.id, response }, [response]);
  } catch (err) {
    scope.postMessage({ id: e.data.id, error: err instanceof Error ? err.message : String(err) });
  }
};
