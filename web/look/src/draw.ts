/** Drawing on canvases: heat maps at every distance, and the text over their columns. */

import type { Grid, Level } from "./blocks";
import { ends, rampOf, type Palette } from "./colours";
import type { Kind, View } from "./scene";
import { label, number, visible } from "./text";

export interface Window {
  readonly from: number;
  readonly to: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Units and steps that one dot of the picture stands for. */
export interface Grain {
  readonly units: number;
  readonly steps: number;
}

/** Columns of a tile: a frame of panning needs few tiles, and a new one is quickly painted. */
const TILE = 1024;
/** Pixels of all tiles that are kept of one picture. */
const KEPT = 16_000_000;

/** A heat map that is painted piece by piece when it is looked at, and moved without being painted again. */
class Tiles {
  private readonly tiles = new Map<number, HTMLCanvasElement>();

  constructor(
    readonly grid: Grid,
    readonly level: Level,
    readonly order: Uint32Array,
    readonly kind: Kind,
    readonly colours: Palette,
    /** Units that share a row of dots. */
    readonly group: number,
  ) {}

  /** Whether this is the picture of these. */
  is(grid: Grid, level: Level, order: Uint32Array, kind: Kind, colours: Palette, group: number): boolean {
    return this.grid === grid && this.level === level && this.order === order && this.kind === kind && this.colours === colours && this.group === group;
  }

  get height(): number {
    return Math.ceil(this.grid.rows / this.group);
  }

  tile(number: number): HTMLCanvasElement {
    let made = this.tiles.get(number);
    if (made) {
      // The last one that was looked at is the last one to be thrown away.
      this.tiles.delete(number);
    } else {
      made = this.paint(number);
      const most = Math.max(4, Math.floor(KEPT / (TILE * this.height)));
      for (const oldest of this.tiles.keys()) {
        if (this.tiles.size < most) break;
        this.tiles.delete(oldest);
      }
    }
    this.tiles.set(number, made);
    return made;
  }

  private paint(number: number): HTMLCanvasElement {
    const { grid, level, order, group, colours, height } = this;
    const first = number * TILE;
    const width = Math.min(TILE, level.columns - first);
    const lookup = colourTable(grid, this.kind, colours);
    const shift = grid.top === 255 ? 0 : 8;
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const { codes, columns } = level;
    const sum = new Uint32Array(width);
    const known = new Uint16Array(width);
    for (let r = 0; r < height; r++) {
      const start = r * group;
      const end = Math.min(grid.rows, start + group);
      if (end - start === 1) {
        let from = order[start]! * columns + first;
        for (let x = 0, to = r * width; x < width; x++) {
          const code = codes[from++]!;
          pixels[to++] = code ? lookup[code >> shift]! : colours.missing;
        }
        continue;
      }
      sum.fill(0);
      known.fill(0);
      for (let row = start; row < end; row++) {
        let from = order[row]! * columns + first;
        for (let x = 0; x < width; x++) {
          const code = codes[from++]!;
          if (code) {
            sum[x]! += code;
            known[x]!++;
          }
        }
      }
      for (let x = 0, to = r * width; x < width; x++) {
        const code = known[x] ? Math.round(sum[x]! / known[x]!) : 0;
        pixels[to++] = code ? lookup[code >> shift]! : colours.missing;
      }
    }
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d")!.putImageData(image, 0, 0);
    return canvas;
  }
}

/** The pictures that were looked at last: one for each pane, one for where each of them was before. */
const pictures: Tiles[] = [];

function pictureOf(grid: Grid, level: Level, order: Uint32Array, kind: Kind, colours: Palette, group: number): Tiles {
  const at = pictures.findIndex((one) => one.is(grid, level, order, kind, colours, group));
  const found = at >= 0 ? pictures.splice(at, 1)[0]! : new Tiles(grid, level, order, kind, colours, group);
  pictures.unshift(found);
  pictures.length = Math.min(pictures.length, 4);
  return found;
}

/** Draw the units (rows, in this order) by steps of a grid; every dot is the mean of what lies under it. */
export function drawHeat(
  context: CanvasRenderingContext2D,
  box: Box,
  grid: Grid,
  kind: Kind,
  order: Uint32Array,
  window: Window,
  colours: Palette,
): Grain {
  const ratio = context.getTransform().a;
  const level = grid.level(Math.max(1, (window.to - window.from) / (box.width * ratio)));
  const first = Math.max(0, Math.floor(window.from / level.step));
  const last = Math.min(level.columns, Math.ceil(window.to / level.step));
  const row0 = Math.max(0, Math.floor(window.top));
  const row1 = Math.min(grid.rows, Math.ceil(window.bottom));
  if (last <= first || row1 <= row0) return { units: 1, steps: 1 };
  const group = Math.max(1, Math.floor((row1 - row0) / (box.height * ratio)));
  const picture = pictureOf(grid, level, order, kind, colours, group);

  const scaleX = box.width / (window.to - window.from);
  const scaleY = box.height / (window.bottom - window.top);
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  context.imageSmoothingEnabled = false;
  // Whole dots are drawn; what sticks out is clipped.
  const top = Math.floor(row0 / group);
  const tall = Math.ceil(row1 / group) - top;
  for (let tile = Math.floor(first / TILE); tile * TILE < last; tile++) {
    const from = Math.max(first, tile * TILE);
    const to = Math.min(last, (tile + 1) * TILE);
    // On whole pixels, so that no seam is seen between two.
    const [left, right] = [from, to].map((at) => Math.round((box.x + (at * level.step - window.from) * scaleX) * ratio) / ratio) as [number, number];
    context.drawImage(
      picture.tile(tile),
      from - tile * TILE,
      top,
      to - from,
      tall,
      left,
      box.y + (top * group - window.top) * scaleY,
      right - left,
      tall * group * scaleY,
    );
  }
  // The last column of a coarse level may stand for fewer steps than the others; it is drawn as wide as they are.
  const edge = box.x + (Math.min(last * level.step, grid.columns) - window.from) * scaleX;
  if (edge < box.x + box.width) context.clearRect(edge, box.y, box.x + box.width - edge, box.height);
  // So may the last row of dots.
  const foot = box.y + (Math.min(row1, grid.rows) - window.top) * scaleY;
  if (foot < box.y + box.height) context.clearRect(box.x, foot, box.width, box.y + box.height - foot);
  context.restore();
  return { units: group, steps: level.step };
}

/** The colour of every code, or of every 256 codes in a row where there are 65,536. */
function colourTable(grid: Grid, kind: Kind, colours: Palette): Uint32Array {
  const ramp = rampOf(colours, kind);
  const [low, high] = ends(kind, grid.low, grid.high);
  const table = new Uint32Array(256);
  const step = grid.top === 255 ? 1 : 257;
  for (let i = 0; i < 256; i++) {
    const share = (grid.value(Math.max(1, i * step)) - low) / (high - low || 1);
    table[i] = ramp[Math.max(0, Math.min(255, Math.round(share * 255)))]!;
  }
  return table;
}

export interface Ink {
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly accent: string;
  readonly font: string;
}

const SIZE = 13;

/** Write the tokens over their columns: level where there is room, slanted where there is some, in excerpts otherwise. */
export function drawTokens(
  context: CanvasRenderingContext2D,
  box: Box,
  view: View,
  window: Window,
  ink: Ink,
  step: number | null,
): void {
  const wide = box.width / (window.to - window.from);
  const first = Math.max(0, Math.floor(window.from));
  const last = Math.min(view.tokens.length, Math.ceil(window.to));
  const place = (t: number): number => box.x + (t + 0.5 - window.from) * wide;
  context.save();
  context.beginPath();
  context.rect(box.x - 12, box.y, box.width + 26, box.height);
  context.clip();
  context.font = `${SIZE}px ${ink.font}`;
  context.textBaseline = "alphabetic";
  const enough = view.unit === "character" ? 9 : 64;
  if (view.unit !== "step" && wide >= enough) {
    context.textAlign = "center";
    for (let t = first; t < last; t++) {
      context.fillStyle = t === step ? ink.accent : ink.text;
      context.fillText(fitted(context, label(view.tokens[t]!, 24), wide - 3), place(t), box.y + box.height - 8);
    }
  } else if (view.unit === "word" && wide >= 15) {
    context.textAlign = "left";
    for (let t = first; t < last; t++) {
      context.save();
      context.translate(place(t) + 4, box.y + box.height - 5);
      context.rotate(-Math.PI / 3.4);
      context.fillStyle = t === step ? ink.accent : ink.text;
      context.fillText(fitted(context, label(view.tokens[t]!, 24), 84), 0, 0);
      context.restore();
    }
  } else if (view.unit !== "step") {
    excerpts(context, box, view, first, last, place, ink);
  }
  context.restore();
}

function excerpts(
  context: CanvasRenderingContext2D,
  box: Box,
  view: View,
  first: number,
  last: number,
  place: (t: number) => number,
  ink: Ink,
): void {
  const count = Math.max(1, Math.floor(box.width / 190));
  const every = Math.max(1, Math.ceil((last - first) / count));
  context.textAlign = "left";
  for (let start = Math.ceil(first / every) * every; start < last; start += every) {
    const x = place(start);
    const room = Math.min(box.width / count - 12, box.x + box.width - x);
    context.fillStyle = ink.line;
    context.fillRect(x, box.y + box.height - 24, 1, 22);
    context.fillStyle = ink.text;
    if (room > 30) {
      const text = joined(view, start, Math.min(last, start + 40)).slice(0, 120);
      context.fillText(fitted(context, visible(text).replace(/\s+/g, " "), room), x + 5, box.y + box.height - 14);
      context.fillStyle = ink.muted;
      context.font = `11px ${ink.font}`;
      context.fillText(String(start), x + 5, box.y + box.height - 1);
      context.font = `${SIZE}px ${ink.font}`;
    }
  }
}

/** The text of some tokens as it was written. */
export function joined(view: View, from: number, to: number): string {
  let text = "";
  for (let t = from; t < to && t < view.tokens.length; t++) {
    text += (t > from ? (view.gaps?.[t] ?? "") : "") + view.tokens[t]!.slice(0, 200);
  }
  return text;
}

function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  const letters = [...text];
  let low = 0;
  let high = letters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${letters.slice(0, middle).join("")}…`).width <= room) low = middle;
    else high = middle - 1;
  }
  return low ? `${letters.slice(0, low).join("")}…` : "";
}

/** Name some rows at the left: as many as have room. */
export function drawRows(
  context: CanvasRenderingContext2D,
  box: Box,
  order: Uint32Array,
  window: Window,
  ink: Ink,
  chosen: number,
): void {
  const tall = box.height / (window.bottom - window.top);
  const every = Math.max(1, Math.ceil(18 / tall));
  context.font = `12px ${ink.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = ink.muted;
  const at = order.indexOf(chosen);
  const y = (row: number): number => box.y + (row + 0.5 - window.top) * tall;
  for (let row = Math.ceil(window.top / every) * every; row < window.bottom && row < order.length; row += every) {
    if (Math.abs(y(row) - y(at)) >= 15 && y(row) > box.y + 5 && y(row) < box.y + box.height - 4) context.fillText(String(order[row]), box.x - 10, y(row));
  }
  if (at >= window.top - 1 && at < window.bottom) {
    context.fillStyle = ink.accent;
    context.font = `600 12px ${ink.font}`;
    context.fillText(String(chosen), box.x - 10, Math.max(box.y + 6, Math.min(box.y + box.height - 6, y(at))));
    context.beginPath();
    context.moveTo(box.x - 7, y(at) - 4);
    context.lineTo(box.x - 1, y(at));
    context.lineTo(box.x - 7, y(at) + 4);
    context.fill();
  }
}

/** The scale of colours with its two ends. */
export function drawScale(canvas: CanvasRenderingContext2D, width: number, kind: Kind, grid: Grid, colours: Palette, ink: Ink): void {
  const ramp = rampOf(colours, kind);
  const [low, high] = ends(kind, grid.low, grid.high);
  canvas.clearRect(0, 0, width, 30);
  for (let x = 0; x < width; x++) {
    const colour = ramp[Math.round((x / (width - 1)) * 255)]!;
    canvas.fillStyle = `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
    canvas.fillRect(x, 0, 1, 10);
  }
  canvas.strokeStyle = ink.line;
  canvas.strokeRect(0.5, 0.5, width - 1, 9);
  canvas.fillStyle = ink.muted;
  canvas.font = `12px ${ink.font}`;
  canvas.textBaseline = "top";
  for (const [text, x, align] of [
    [number(low), 0, "left"],
    [number((low + high) / 2), width / 2, "center"],
    [number(high), width, "right"],
  ] as const) {
    canvas.textAlign = align;
    canvas.fillText(text, x, 14);
  }
}
