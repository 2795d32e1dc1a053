/** Text from data, made harmless for the eye: it is only ever put into text nodes and onto canvases. */

import type { Layer, View } from "./scene";
import type { Words } from "./words";

const ACTING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
/** Halves of a character that stand alone: no encoding has them, so the page could not be read back. */
const HALVES = /\p{Cs}/gu;

/** A text whose control characters are seen instead of acting. */
export function visible(text: string): string {
  return text.replace(ACTING, seen).replace(HALVES, seen);
}

function seen(one: string): string {
  const code = one.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code >= 0x7f && code < 0xa0 ? "\ufffd" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** The same on one line and short enough for a label. */
export function label(text: string, most = 40): string {
  const plain = visible(text.length > 4 * most ? text.slice(0, 4 * most) : text)
    .replaceAll("\n", "⏎")
    .replaceAll("\t", "⇥");
  const shown = plain === " " ? "␣" : plain;
  const letters = [...shown];
  return letters.length > most || text.length > 4 * most ? `${letters.slice(0, most - 1).join("")}…` : shown;
}

/** The name of a layer, "layer 1, forward" or "member 2, layer 1, forward", in the reader's language. */
export function layerName(name: string, words: Words): string {
  const parts = /^(?:member (\d+), )?layer (\d+), (forward|backward)$/.exec(name);
  return parts ? words.layerName(parts[1] ?? null, parts[2]!, parts[3] === "forward") : visible(name);
}

/** What is said behind the name of a layer that has other steps than the text or series: it writes, or reads something else. */
export function otherSteps(view: View, layer: Layer, words: Words): string {
  if (!layer.tokens) return "";
  return ` · ${view.decides === "written" ? words.writes : words.elsewhere}`;
}

/** A number as people read it: four digits, no more. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(1);
  if (size >= 1e5) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  return String(Number(value.toPrecision(3)));
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(100 * share)}%` : "–";
}
