/** Matrices with words at their edges: the memory of every word, attention; and maps over pictures. */

import type { Grid } from "./blocks";
import { css, rampOf, ends } from "./colours";
import { el, sized } from "./dom";
import type { Room } from "./room";
import type { ImageMap, Matrix } from "./scene";
import { label, number, percent, visible } from "./text";

const MOST = 400;

export class Matrices {
  readonly element = el("div", { class: "pair" });

  constructor(private readonly room: Room) {
    room.state.on(["view", "theme", "language", "compare"], () => void this.build());
    void this.build();
  }

  private async build(): Promise<void> {
    const { room } = this;
    const { words, view } = room;
    const parts: HTMLElement[] = [];
    if (view.memory && view.unit !== "step" && view.memory.at.length > 1 && view.tokens.length <= MOST) {
      const matrix = { name: "", rows: view.memory.at.map((t) => view.tokens[t] ?? ""), columns: view.tokens, block: view.memory.block };
      parts.push(el("section", { id: "memory" }, el("h2", {}, words.memoryMap), el("p", { class: "note" }, words.memoryMapNote), await this.figure(matrix, true)));
    }
    if (view.matrices.length) {
      const figures = await Promise.all(view.matrices.map((matrix) => this.figure(matrix, false)));
      parts.push(el("section", { id: "attention" }, el("h2", {}, words.attention), el("p", { class: "note" }, words.attentionNote), el("div", { class: "figures" }, ...figures)));
    }
    if (view.images.length) {
      const figures = await Promise.all(view.images.map((image) => this.image(image)));
      parts.push(el("section", { id: "images" }, el("h2", {}, words.images), el("p", { class: "note" }, words.imagesNote), ...figures));
    }
    this.element.replaceChildren(...parts);
  }

  private async figure(matrix: Matrix, perRow: boolean): Promise<HTMLElement> {
    const grid = await this.room.blocks.grid(matrix.block);
    const canvas = el("canvas", { class: "matrix", role: "img", "aria-label": `${matrix.rows.length} × ${matrix.columns.length}` });
    const tip = el("figcaption", { class: "note" }, matrix.name ? visible(matrix.name) : "\u00a0");
    const figure = el("figure", { class: "matrix" }, el("div", { class: "scroll" }, canvas), tip);
    const gutter = 96;
    const top = 84;
    let cell = 0;
    const draw = (at: readonly [number, number] | null): void => this.drawMatrix(canvas, grid, matrix, { gutter, top, cell }, perRow, at);
    new ResizeObserver(() => {
      const fits = Math.floor((Math.min(900, figure.clientWidth) - gutter - 64) / matrix.columns.length);
      const now = Math.max(2, Math.min(matrix.columns.length > 24 ? 18 : matrix.columns.length > 12 ? 26 : 40, fits));
      if (figure.clientWidth && now !== cell) {
        cell = now;
        draw(null);
      }
    }).observe(figure);
    canvas.addEventListener("pointermove", (event) => {
      if (!cell) return;
      const column = Math.floor((event.offsetX - gutter) / cell);
      const row = Math.floor((event.offsetY - top) / cell);
      const known = row >= 0 && row < grid.rows && column >= 0 && column < grid.columns;
      draw(known ? [row, column] : null);
      if (!known) return;
      const value = grid.at(row, column);
      tip.replaceChildren(
        el("bdi", {}, label(matrix.rows[row] ?? "", 40)), " ← ", el("bdi", {}, label(matrix.columns[column] ?? "", 40)), ": ",
        perRow || grid.high <= 1 ? percent(value) : number(value),
      );
    });
    canvas.addEventListener("pointerleave", () => draw(null));
    return figure;
  }

  private drawMatrix(
    canvas: HTMLCanvasElement,
    grid: Grid,
    matrix: Matrix,
    { gutter, top, cell }: { gutter: number; top: number; cell: number },
    perRow: boolean,
    at: readonly [number, number] | null,
  ): void {
    const { room } = this;
    const context = sized(canvas, gutter + grid.columns * cell + 60, top + grid.rows * cell + 4);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const ramp = rampOf(room.palette, "amount");
    const [, high] = ends("amount", 0, grid.high);
    for (let r = 0; r < grid.rows; r++) {
      const row = grid.row(r);
      const most = perRow ? row.reduce((a, b) => (b > a ? b : a), 1e-9) : high;
      for (let c = 0; c < grid.columns; c++) {
        const value = row[c]!;
        if (Number.isNaN(value)) continue;
        context.fillStyle = css(ramp, Math.max(0, value) / most);
        context.fillRect(gutter + c * cell, top + r * cell, cell, cell);
      }
    }
    const every = Math.max(1, Math.ceil(14 / cell));
    context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = "middle";
    for (let r = 0; r < grid.rows; r++) {
      if (r % every && at?.[0] !== r) continue;
      context.fillStyle = at?.[0] === r ? room.colour("--accent") : room.colour("--ink");
      context.textAlign = "right";
      context.fillText(label(matrix.rows[r] ?? "", 13), gutter - 6, top + (r + 0.5) * cell, gutter - 8);
    }
    for (let c = 0; c < grid.columns; c++) {
      if (c % every && at?.[1] !== c) continue;
      context.save();
      context.translate(gutter + (c + 0.5) * cell, top - 6);
      context.rotate(-Math.PI / 3.2);
      context.fillStyle = at?.[1] === c ? room.colour("--accent") : room.colour("--ink");
      context.textAlign = "left";
      context.fillText(label(matrix.columns[c] ?? "", 13), 0, 0, 88);
      context.restore();
    }
    if (at) {
      context.strokeStyle = room.colour("--ink");
      context.lineWidth = 1.5;
      context.strokeRect(gutter + at[1] * cell, top + at[0] * cell, cell, cell);
    }
  }

  /** The picture once for each look, bright where it looked. */
  private async image(image: ImageMap): Promise<HTMLElement> {
    const { room } = this;
    const pixels = await room.blocks.grid(image.pixels);
    const maps = await room.blocks.grid(image.maps);
    const { width, height, mapWidth, mapHeight } = image;
    const picture = painted(width, height, (at) => {
      const [r, g, b] = [0, 1, 2].map((k) => Math.round(pixels.at(Math.min(k, image.channels - 1), at)));
      return [r!, g!, b!, 255];
    });
    const scale = Math.max(1, 176 / Math.max(width, height));
    const figures = image.labels.map((text, index) => {
      const canvas = el("canvas", { class: "map", role: "img", "aria-label": label(text) });
      const context = sized(canvas, Math.round(width * scale), Math.round(height * scale));
      const row = maps.row(index);
      const most = row.reduce((a, b) => (b > a ? b : a), 1e-9);
      context.drawImage(picture, 0, 0, Math.round(width * scale), Math.round(height * scale));
      const shade = painted(mapWidth, mapHeight, (at) => [0, 0, 0, Math.round(204 * (1 - Math.max(0, row[at]!) / most))]);
      context.drawImage(shade, 0, 0, Math.round(width * scale), Math.round(height * scale));
      return el("figure", { class: "map" }, canvas, el("figcaption", {}, el("bdi", {}, label(text, 30))));
    });
    return el("div", {}, el("div", { class: "maps" }, ...figures));
  }
}

/** A canvas whose pixels come from a function of their number. */
function painted(width: number, height: number, colour: (at: number) => readonly [number, number, number, number]): HTMLCanvasElement {
  const canvas = el("canvas", {});
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) image.data.set(colour(at), 4 * at);
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}
