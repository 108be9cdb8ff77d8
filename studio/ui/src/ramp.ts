// Colours: hue says which pass, chroma the sign, lightness the size. They are read from the
// style sheet, so that light, dark and print have one place.

import { $$ } from "./dom.js";

let ramp = { l0: 0, l1: 0, value: [0, 0], error: [0, 0], zero: "", ink: "", hatch: "", line: "" };

function read(): void {
  const c = getComputedStyle(document.documentElement);
  const n = (k: string) => parseFloat(c.getPropertyValue("--ramp-" + k)), s = (k: string) => c.getPropertyValue("--" + k).trim();
  ramp = { l0: n("l0"), l1: n("l1"), value: [n("value-h"), n("value-c")], error: [n("error-h"), n("error-c")], zero: s("ramp-zero"), ink: s("ramp-ink"), hatch: s("hatch"), line: s("ink-2") };
}
read();

type Hue = "value" | "error";

/** colour of x on a map whose largest entry is max. Zero is neutral. */
export function colour(x: number, max: number, hue: Hue): string {
  if (!x || !Number.isFinite(x)) return ramp.zero;
  let [h, c] = ramp[hue];
  if (document.documentElement.dataset.ramp === "diverging") [h, c] = x < 0 ? ramp.error : ramp.value;
  else if (x < 0) c = .006;
  const step = Math.round(200 * Math.min(1, Math.abs(x) / (max || 1))), key = step + 1000 * (h! + 1000 * c!);
  let known = colours.get(key);
  if (!known) colours.set(key, known = hex(ramp.l0 + (ramp.l1 - ramp.l0) * step / 200, c! * (step / 200) ** .85, h!));
  return known;
}
const colours = new Map<number, string>();

/** hex is a colour of OKLCH as #rrggbb, which a canvas reads faster. */
function hex(l: number, c: number, h: number): string {
  const a = c * Math.cos(h * Math.PI / 180), b = c * Math.sin(h * Math.PI / 180);
  const [L, M, S] = [[.3963377774, .2158037573], [-.1055613458, -.0638541728], [-.0894841775, -1.291485548]].map(([x, y]) => (l + x! * a + y! * b) ** 3) as [number, number, number];
  return "#" + [[4.0767416621, -3.3077115913, .2309699292], [-1.2684380046, 2.6097574011, -.3413193965], [-.0041960863, -.7034186147, 1.707614701]].map(([x, y, z]) => {
    const v = Math.max(0, Math.min(1, x! * L + y! * M + z! * S));
    return Math.round(255 * (v <= .0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - .055)).toString(16).padStart(2, "0");
  }).join("");
}

export interface MapOptions { max: number; hidden?: (k: number) => boolean; theorem?: boolean; label?: string }

/** A Pen is what a map is drawn with: a canvas, or what writes its figure. */
export type Pen = Pick<CanvasRenderingContext2D, "fillStyle" | "strokeStyle" | "lineWidth" | "globalAlpha" | "setTransform" | "clearRect" | "beginPath" | "moveTo" | "lineTo" | "arc" | "stroke" | "fillRect">;

/** A Drawn map can be given other numbers of the same shape. */
export interface Drawn extends HTMLCanvasElement {
  redraw(pen?: Pen): void;
  /** set draws other numbers, if one of them or their scale is another than what is drawn */
  set(v: ArrayLike<number>, o: MapOptions): void;
}

/** map draws a tensor: a square a cell, a dash in negative ones, hatches where a token is not
 * seen, a hollow dot where an error is exactly zero. */
export function map(v: ArrayLike<number>, rows: number, cols: number, px: number, hue: Hue, o: MapOptions): Drawn {
  const c = document.createElement("canvas") as Drawn;
  if (o.label) { c.setAttribute("role", "img"); c.setAttribute("aria-label", o.label); } else c.setAttribute("aria-hidden", "true");
  const gap = px > 5 ? 1 : px >= 3 ? .5 : 0, r = window.devicePixelRatio || 1, w = cols * px, h = rows * px;
  c.style.width = w + "px"; c.style.height = h + "px";
  c.width = Math.round(w * r); c.height = Math.round(h * r);
  c.redraw = (x = c.getContext("2d")!) => {
    const S = px - gap;
    x.setTransform(r, 0, 0, r, 0, 0);
    x.clearRect(0, 0, w, h);
    for (let k = 0; k < rows * cols; k++) {
      const q = v[k]!, X = k % cols * px, Y = Math.floor(k / cols) * px;
      if (q === -Infinity || Number.isNaN(q) || o.hidden?.(k)) {
        x.strokeStyle = ramp.hatch; x.lineWidth = 1; x.beginPath();
        for (let d = -S; d < S; d += 4) { const a = Math.max(0, d), b = Math.min(S, S + d); x.moveTo(X + a, Y + S + d - a); x.lineTo(X + b, Y + S + d - b); }
        x.stroke();
        continue;
      }
      x.fillStyle = colour(q, o.max, hue);
      x.fillRect(X, Y, S, S);
      if (q === 0 && o.theorem) {
        x.strokeStyle = ramp.line; x.lineWidth = 1; x.beginPath(); x.arc(X + S / 2, Y + S / 2, Math.max(1.2, px * .19), 0, 7); x.stroke();
      } else if (q < 0 && px >= 6) {
        x.fillStyle = ramp.ink; x.globalAlpha = .75;
        const m = Math.round(px * .28);
        x.fillRect(X + m, Y + Math.round(S / 2) - .5, S - 2 * m, 1);
        x.globalAlpha = 1;
      }
    }
  };
  c.redraw();
  const hides = () => o.hidden ? Array.from({ length: rows * cols }, (_, k) => o.hidden!(k) ? 1 : 0).join("") : "";
  let hid = hides();
  c.set = (to, options) => {
    const was = v, max = o.max, before = hid;
    v = to; o = options; hid = hides();
    let same = max === o.max && before === hid;
    for (let k = 0; same && k < rows * cols; k++) same = Object.is(was[k], v[k]);
    if (!same) c.redraw();
  };
  return c;
}

/** onScheme calls f when light turns to dark. */
export function onScheme(f: () => void): void {
  matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => { read(); colours.clear(); for (const c of $$<Drawn>("canvas")) c.redraw?.(); f(); });
}
