/** Colours that colour-blind readers tell apart, for a light and a dark ground. */

import type { Kind } from "./scene";

type RGB = readonly [number, number, number];

/** Blue for below zero, orange for above, the page's ground in the middle: blue and orange differ in every common kind
 * of colour blindness, and both ends differ from the middle in lightness. */
const SIGNED = {
  light: ["#08366e", "#2166ac", "#7fb0d8", "#f4f2ec", "#f0b37a", "#cf6a1c", "#7a3200"],
  dark: ["#a9d4ff", "#5da3e6", "#2d5f94", "#1d2126", "#8a4e20", "#dd8238", "#ffd0a0"],
};
/** From the ground to a deep teal (light) or a pale yellow (dark): lightness alone tells the order. */
const AMOUNT = {
  light: ["#f6f4ee", "#cfe3dc", "#8fc3bb", "#4a9a9d", "#1f6d80", "#12455f", "#0a2440"],
  dark: ["#1b1f24", "#1f3a4d", "#24597a", "#2f8090", "#5bab94", "#a9d38a", "#f6f3b0"],
};

export interface Palette {
  readonly dark: boolean;
  /** 256 colours as they lie in memory (ABGR), for ImageData. */
  readonly signed: Uint32Array;
  readonly amount: Uint32Array;
  readonly missing: number;
}

export function palette(dark: boolean): Palette {
  return {
    dark,
    signed: ramp(dark ? SIGNED.dark : SIGNED.light),
    amount: ramp(dark ? AMOUNT.dark : AMOUNT.light),
    missing: packed(dark ? [60, 64, 70] : [214, 212, 205]),
  };
}

export function rampOf(colours: Palette, kind: Kind): Uint32Array {
  return kind === "signed" ? colours.signed : colours.amount;
}

/** The ends of the colour scale: symmetric about zero, 0 to 1, or from zero to the largest. */
export function ends(kind: Kind, low: number, high: number): readonly [number, number] {
  if (kind === "share") return [0, 1];
  if (kind === "amount") return [Math.min(0, low), high > 0 ? high : 1];
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return [-most, most];
}

export function css(ramp: Uint32Array, share: number): string {
  const colour = ramp[Math.max(0, Math.min(255, Math.round(share * 255)))]!;
  return `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
}

/** Whether dark letters are easier to read on this colour than light ones. */
export function wantsDarkInk(ramp: Uint32Array, share: number): boolean {
  const colour = ramp[Math.max(0, Math.min(255, Math.round(share * 255)))]!;
  const [r, g, b] = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255].map((part) => {
    const light = part / 255;
    return light <= 0.04045 ? light / 12.92 : ((light + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18;
}

function ramp(stops: readonly string[]): Uint32Array {
  const colours = stops.map(rgb);
  const made = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (colours.length - 1);
    const from = Math.min(colours.length - 2, Math.floor(place));
    const [a, b] = [colours[from]!, colours[from + 1]!];
    const share = place - from;
    made[i] = packed([0, 1, 2].map((k) => Math.round(a[k]! + share * (b[k]! - a[k]!))) as unknown as RGB);
  }
  return made;
}

function rgb(hex: string): RGB {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as RGB;
}

function packed([r, g, b]: RGB): number {
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}
