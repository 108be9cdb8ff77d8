// What is on the screen as a drawing of its own: rectangles, lines, and text that stays text,
// which any program for SVG reads. The page loads it when something is to be saved.

import type { Drawn, Pen } from "./ramp.js";

type Attributes = Record<string, string | number | false>;
const escape = (s: string) => s.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
const properties = (s: CSSStyleDeclaration, names: string) => Object.fromEntries(names.split(" ").map(k => [k, s.getPropertyValue(k)]));
const font = "font-family font-size font-weight font-style";

/** figure is an element, and all that is seen in it, as SVG. */
export function figure(root: Element): { svg: string; width: number; height: number } {
  const frame = root.getBoundingClientRect(), paper = getComputedStyle(document.documentElement), pen = document.createElement("canvas").getContext("2d")!;
  let svg = "";
  const tag = (name: string, a: Attributes, text = "") => {
    svg += `<${name}${Object.entries(a).map(([k, v]) => v === false ? "" : ` ${k}="${typeof v === "number" ? +v.toFixed(2) : escape(v)}"`).join("")}>${escape(text)}</${name}>\n`;
  };
  const line = (d: string, stroke: string, wide = 1) => tag("path", { d: d.replace(/-?\d+\.\d{3,}/g, x => String(+(+x).toFixed(2))), fill: "none", stroke, "stroke-width": wide });
  /** type puts text into a box; tall says that it is as high as the box. */
  const type = (text: string, r: DOMRect, s: CSSStyleDeclaration, tall = false) => {
    pen.font = `${s.fontStyle} ${s.fontWeight} ${s.fontSize} ${s.fontFamily}`;
    const m = pen.measureText(text), k = tall ? r.height / (m.actualBoundingBoxAscent + m.actualBoundingBoxDescent) : 1;
    const base = tall ? m.actualBoundingBoxAscent * k : m.fontBoundingBoxAscent * r.height / (m.fontBoundingBoxAscent + m.fontBoundingBoxDescent);
    tag("text", { transform: `translate(${r.left.toFixed(2)} ${(r.top + base).toFixed(2)}) scale(1 ${k.toFixed(3)})`, ...properties(s, font), fill: s.color, textLength: !tall && r.width, lengthAdjust: "spacingAndGlyphs" }, text);
  };
  const draw = (e: Element) => {
    const s = getComputedStyle(e), r = e.getBoundingClientRect(), { left, top, right, bottom, width, height } = r;
    if (s.display === "none" || e.matches(".sr, .quiet")) return;
    if (e instanceof SVGGeometryElement || e instanceof SVGTextElement) {
      const { a, b, c, d, e: x, f: y } = e.getScreenCTM()!, own = Object.fromEntries([...e.attributes].map(k => [k.name, k.value]));
      tag(e.localName, { ...own, class: false, ...properties(s, "fill stroke stroke-width stroke-dasharray opacity text-anchor " + font), transform: `matrix(${[a, b, c, d, x, y]})` }, e.children.length ? "" : e.textContent!);
      return;
    }
    if (!/, 0\)$/.test(s.backgroundColor)) tag("rect", { x: left, y: top, width, height, fill: s.backgroundColor });
    if (s.backgroundImage.includes("svg+xml")) { // a tilde
      const at = (x: number, y: number) => `${left + x * width / 100} ${top + y * .028 * parseFloat(s.fontSize)}`;
      line(`M${at(1, 8)}C${at(18, -2)} ${at(38, 0)} ${at(50, 4.5)}S${at(84, 10)} ${at(99, 1)}`, s.color, 1.3);
    }
    for (const [side, d] of [["top", `M${left} ${top}H${right}`], ["bottom", `M${left} ${bottom}H${right}`], ["left", `M${left} ${top}V${bottom}`], ["right", `M${right} ${top}V${bottom}`]] as const) {
      const w = parseFloat(s.getPropertyValue(`border-${side}-width`)), colour = s.getPropertyValue(`border-${side}-color`);
      if (w && !/, 0\)$/.test(colour)) line(d, colour, w);
    }
    if (e.matches("td.mask")) for (let d = 6; d < width + height; d += 6) line(`M${left + Math.max(0, d - height)} ${top + Math.min(d, height)}L${left + Math.min(d, width)} ${top + Math.max(0, d - width)}`, paper.getPropertyValue("--hatch"));
    if (e.matches("td.null")) tag("circle", { cx: left + width / 2, cy: top + height / 2, r: 3.5, fill: "none", stroke: s.color });
    if (e.localName === "mfrac") line(`M${left} ${(e.children[0]!.getBoundingClientRect().bottom + e.children[1]!.getBoundingClientRect().top) / 2}H${right}`, s.color);
    if (e.localName === "msqrt") { const w = e.children[0]!.getBoundingClientRect().left - left; line(`M${left} ${top + .6 * height}l${w * .25} -1L${left + w * .55} ${bottom}L${left + w} ${top}H${right}`, s.color); }
    if (e instanceof HTMLCanvasElement) {
      let d = "";
      svg += `<g transform="translate(${left} ${top})">`;
      const map: Pen = {
        fillStyle: "", strokeStyle: "", lineWidth: 1, globalAlpha: 1, setTransform() {}, clearRect() {}, beginPath() { d = ""; },
        moveTo(x, y) { d += `M${x} ${y}`; }, lineTo(x, y) { d += `L${x} ${y}`; }, arc(x, y, a) { d = `M${x - a} ${y}a${a} ${a} 0 1 0 ${2 * a} 0a${a} ${a} 0 1 0 ${-2 * a} 0`; },
        stroke() { line(d, String(this.strokeStyle)); }, fillRect(x, y, width, height) { tag("rect", { x, y, width, height, fill: String(this.fillStyle), opacity: this.globalAlpha < 1 && this.globalAlpha }); },
      };
      (e as Drawn).redraw?.(map);
      svg += "</g>";
    }
    for (const k of e.childNodes) if (k instanceof Element) draw(k); else if (k instanceof Text) {
      const range = document.createRange();
      for (const m of k.data.matchAll(/\S+/g)) { // a line may end behind each word
        range.setStart(k, m.index); range.setEnd(k, m.index + m[0].length);
        const at = range.getClientRects()[0];
        if (at) if (e.localName === "mo" && (height > 1.4 * parseFloat(s.fontSize) || Math.abs(at.top - top) > 2)) type(m[0], r, s, true); else type(s.textTransform === "math-auto" && m[0].length === 1 ? slanted(m[0]) : m[0], at, s);
      }
    }
  };
  draw(root);
  const width = Math.ceil(frame.width + 16), height = Math.ceil(frame.height + 16);
  return { width, height, svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${frame.left - 8} ${frame.top - 8} ${width} ${height}" role="img"><title>${escape(document.title)}</title><desc>${escape(location.hash || "#/")}</desc><rect x="${frame.left - 8}" y="${frame.top - 8}" width="100%" height="100%" fill="${paper.backgroundColor}"/>${svg}</svg>` };
}

/** slanted is a letter as mathematics writes a variable. */
function slanted(c: string): string {
  for (const [from, to, at] of ["az\u{1d44e}", "AZ\u{1d434}", "αω\u{1d6fc}"].map(x => [...x])) if (c !== "h" && c >= from! && c <= to!) return String.fromCodePoint(at!.codePointAt(0)! + c.charCodeAt(0) - from!.charCodeAt(0));
  return c === "h" ? "ℎ" : c;
}

/** shown is the figure of the screen: its drawing, its table, its maps; else all of it. */
export const shown = (): Element => document.querySelector("#draw, #t1, .pair, .cellgrid") ?? document.querySelector("main")!;

/** png is the figure with two pixels for one of the page, or as many as a canvas holds. */
export async function png(root: Element): Promise<Blob> {
  const { svg, width, height } = figure(root), image = new Image(), c = document.createElement("canvas"), k = Math.min(2, 16000 / Math.max(width, height));
  image.src = "data:image/svg+xml," + encodeURIComponent(svg);
  await image.decode();
  c.width = width * k; c.height = height * k;
  c.getContext("2d")!.drawImage(image, 0, 0, c.width, c.height);
  return new Promise(done => c.toBlob(b => done(b!), "image/png"));
}
