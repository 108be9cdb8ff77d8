// Elements, and what is said aloud.

type Attr = string | number | boolean | null | undefined | ((e: never) => void);
type Kid = Node | string | null | undefined | false;

export const $ = <T extends Element = HTMLElement>(s: string, root: ParentNode = document) => root.querySelector<T>(s);
export const $$ = <T extends Element = HTMLElement>(s: string, root: ParentNode = document) => [...root.querySelectorAll<T>(s)];

/** el makes an element. on… attributes are listeners; css is an object of properties. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attrs: Record<string, Attr | Record<string, string>> = {}, ...kids: Kid[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) {
    if (v === false || v == null) continue;
    if (typeof v === "function") e.addEventListener(k.slice(2), v as EventListener);
    else if (typeof v === "object") Object.assign(e.style, v);
    else if (k === "class") e.className = String(v);
    else e.setAttribute(k, v === true ? "" : String(v));
  }
  e.append(...kids.filter((k): k is Node | string => k != null && k !== false));
  return e;
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attrs: Record<string, string | number>): SVGElementTagNameMap[K] {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, String(v));
  return e;
}

const parser = new DOMParser();

/** math is a formula of the core. What is not MathML in it is left out, wherever it came from. */
export function math(source: string, cls = ""): HTMLElement {
  let m = formulas.get(source);
  if (!m) {
    m = read(source);
    if (formulas.size > 2000) formulas.clear();
    formulas.set(source, m);
  }
  return el("span", { class: "m " + cls }, m.cloneNode(true));
}
const formulas = new Map<string, Node>(); // that were read already

function read(source: string): Node {
  const m = parser.parseFromString(source, "text/html").body.firstElementChild;
  if (m?.localName !== "math") return document.createTextNode("");
  for (const e of [m, ...m.querySelectorAll("*")]) {
    if (e.namespaceURI !== "http://www.w3.org/1998/Math/MathML") e.remove();
    for (const a of [...e.attributes]) if (a.name.startsWith("on") || a.name === "style" || a.name === "href") e.removeAttribute(a.name);
  }
  return document.importNode(m, true);
}

/** say speaks through the live region. */
export function say(text: string): void {
  const live = $("#live");
  if (live) live.textContent = text;
}

/** unit is the size of a CSS pixel of the layout: larger where the page is projected. It is
 * kept, since asking for it has the browser compute styles. */
export const unit = () => pixel ||= parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
let pixel = 0;
addEventListener("resize", () => { pixel = 0; });

/** put sets the text of an element, unless it is there already. */
export function put(e: Element, text: string): void { if (e.textContent !== text) e.textContent = text; }

/** save hands a file to the browser. */
export function save(name: string, body: Blob): void {
  const url = URL.createObjectURL(body);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** scroller holds what may be wider than the page; it can be scrolled by keys. */
export const scroller = (label: string, ...kids: Kid[]) => el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label }, ...kids);

/** keys are what the keys of a screen do. */
export const keys = (list: string[][]) => list.map(([k, does]) => el("span", {}, ...k!.split(" ").flatMap(x => [el("kbd", {}, x), " "]), does!));

/** factList is a list of terms and what is said of them. */
export const factList = (facts: [string, Kid][]) => el("dl", { class: "facts" }, ...facts.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)]));
