// How numbers are written and spoken. Nothing is computed here that is shown as a result.

export const minus = (s: string) => s.replace("-", "−");
export const superscript = (n: number) => [...String(n)].map(c => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");

/** sig has n significant digits: 0.0119, 2.3·10⁻⁸. */
export function sig(x: number | null | undefined, n = 3): string {
  if (x == null) return "not a number";
  if (x === 0) return "0";
  if (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5) {
    const [m, e] = x.toExponential(Math.min(n, 2) - 1).split("e");
    return minus(m!) + "·10" + superscript(Number(e));
  }
  return minus(Number(x.toPrecision(n)).toString());
}

/** fixed has d decimals in the style of print: .90, −.013, and 0 for exactly zero. */
export const fixed = (x: number, d: number) => x === 0 ? "0" : minus(x.toFixed(d)).replace(/^(−?)0\./, "$1.").replace(/^−(\.?0*)$/, "$1");

/** exact has nine significant digits. */
export const exact = (x: number | null | undefined) => x == null || Number.isNaN(x) ? "–" : x === 0 ? "0" : minus(x.toPrecision(9));

/** spoken is a number as it is read aloud. */
export function spoken(x: number): string {
  return String(Number(x.toPrecision(3))).replace(/e([+-])(\d+)/, (_, s, d) => " times ten to the " + (s === "-" ? "minus " : "") + d).replace(/^-/, "minus ");
}

/** A Scale says how a map's digits are written: one number of decimals, and a power of ten. */
export interface Scale { max: number; power: number; decimals: number; unit: string }

export function scaleOf(max: number): Scale {
  const power = max > 1e-99 && max < .1 ? Math.floor(Math.log10(max) / 3) * 3 : max >= 1e4 ? Math.floor(Math.log10(max) / 3) * 3 : 0;
  const top = max / 10 ** power || 1;
  return { max, power, decimals: Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(top)))), unit: power ? "in 10" + superscript(power) : "" };
}
export const digits = (x: number, s: Scale) => fixed(x / 10 ** s.power, s.decimals);
