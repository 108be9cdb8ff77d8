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
  if (!x) return ramp.zero;
  if (!Number.isFinite(x)) return ramp.zero;
  const t = Math.min(1, Math.abs(x) / (max || 1));
  let [h, c] = ramp[hue];
  if (document.documentElement.dataset.ramp === "diverging") [h, c] = x < 0 ? ramp.error : ramp.value;
  else if (x < 0) c = .006;
  return `oklch(${ramp.l0 + (ramp.l1 - ramp.l0) * t} ${c! * t ** .85} ${h})`;
}

export interface MapOptions { max: number; hidden?: (k: number) => boolean; theorem?: boolean; label?: string }
interface Drawn extends HTMLCanvasElement { redraw(): void }

/** map draws a tensor: a square a cell, a dash in negative ones, hatches where a token is not
 * seen, a hollow dot where an error is exactly zero. */
export function map(v: ArrayLike<number>, rows: number, cols: number, px: number, hue: Hue, o: MapOptions): HTMLCanvasElement {
  const c = document.createElement("canvas") as Drawn;
  if (o.label) { c.setAttribute("role", "img"); c.setAttribute("aria-label", o.label); } else c.setAttribute("aria-hidden", "true");
  const gap = px > 5 ? 1 : px >= 3 ? .5 : 0, r = window.devicePixelRatio || 1, w = cols * px, h = rows * px;
  c.style.width = w + "px"; c.style.height = h + "px";
  c.width = Math.round(w * r); c.height = Math.round(h * r);
  c.redraw = () => {
    const x = c.getContext("2d")!, S = px - gap;
    x.setTransform(r, 0, 0, r, 0, 0);
    x.clearRect(0, 0, w, h);
    for (let k = 0; k < rows * cols; k++) {
      const q = v[k]!, X = k % cols * px, Y = Math.floor(k / cols) * px;
      if (q === -Infinity || Number.isNaN(q) || o.hidden?.(k)) {
        x.save(); x.beginPath(); x.rect(X, Y, S, S); x.clip();
        x.strokeStyle = ramp.hatch; x.lineWidth = 1;
        for (let d = -S; d < S; d += 4) { x.beginPath(); x.moveTo(X + d, Y + S); x.lineTo(X + d + S, Y); x.stroke(); }
        x.restore();
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
  return c;
}

/** onScheme calls f when light turns to dark. */
export function onScheme(f: () => void): void {
  matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => { read(); for (const c of $$<Drawn>("canvas")) c.redraw?.(); f(); });
}
