/** One heat map with the text over it: it draws, and tells the state what the pointer does. */

import type { Grid } from "./blocks";
import { el, perFrame, sized } from "./dom";
import { drawHeat, drawRows, drawTokens, type Box, type Grain, type Ink, type Window } from "./draw";
import { GUTTER, MARGIN, type Room } from "./room";
import type { Kind, View } from "./scene";
import { label, number } from "./text";

/** What a pane shows now. */
export interface Shown {
  readonly view: View;
  readonly grid: Grid;
  readonly kind: Kind;
  readonly order: Uint32Array;
  /** Steps at which the text differs from that of the other view. */
  readonly unlike: ReadonlySet<number>;
}

export class Pane {
  readonly element: HTMLElement;
  readonly caption = el("h3", { class: "pane-name" });
  private readonly canvas = el("canvas", { class: "heat", role: "img" });
  private readonly over = el("canvas", { class: "over", "aria-hidden": "true" });
  private readonly tip = el("div", { class: "tip", hidden: true });
  private readonly stage: HTMLElement;
  private shown: Shown | null = null;
  private width = 0;
  grain: Grain = { units: 1, steps: 1 };
  /** Draws since the page was opened, and how long the last took: for tests of speed. */
  drawn = 0;
  readonly draw = perFrame(() => this.drawNow());
  private readonly drawOver = perFrame(() => this.drawOverNow());

  constructor(
    private readonly room: Room,
    private readonly height: number,
  ) {
    this.stage = el("div", { class: "stage", tabindex: "0" }, this.canvas, this.over, this.tip);
    this.element = el("div", { class: "pane" }, this.caption, this.stage);
    this.listen();
    room.state.on(["from", "to", "top", "bottom", "unit", "theme"], () => this.draw());
    room.state.on(["step", "spans"], () => this.drawOver());
    new ResizeObserver(() => {
      if (this.element.clientWidth !== this.width) this.draw();
    }).observe(this.element);
  }

  show(shown: Shown): void {
    this.shown = shown;
    this.canvas.setAttribute("aria-label", `${this.room.words.heatLabel}: ${shown.grid.rows} × ${shown.grid.columns}`);
    this.draw();
  }

  get lane(): number {
    const view = this.shown?.view;
    if (!view) return 24;
    if (view.unit === "step") return view.series ? 92 : 12;
    const now = this.room.state.now;
    const wide = this.box.width / (now.to - now.from);
    return view.unit === "word" && wide >= 15 && wide < 64 ? 84 : 42;
  }

  private get box(): Box {
    return { x: GUTTER, y: 0, width: Math.max(50, this.width - GUTTER - MARGIN), height: this.height };
  }

  private get heat(): Box {
    return { ...this.box, y: this.lane };
  }

  private get window(): Window {
    const { from, to, top, bottom } = this.room.state.now;
    return { from, to, top, bottom };
  }

  private get ink(): Ink {
    const { room } = this;
    return {
      text: room.colour("--ink"),
      muted: room.colour("--muted"),
      line: room.colour("--line"),
      accent: room.colour("--accent"),
      font: getComputedStyle(document.body).fontFamily,
    };
  }

  private drawNow(): void {
    if (!this.shown) return;
    this.width = this.element.clientWidth;
    if (this.width === 0) return;
    const { view, grid, kind, order } = this.shown;
    const { heat, window, ink } = this;
    const context = sized(this.canvas, this.width, heat.y + heat.height + 2);
    context.clearRect(0, 0, this.width, heat.y + heat.height + 2);
    this.grain = drawHeat(context, heat, grid, kind, order, window, this.room.palette);
    drawTokens(context, { ...heat, y: 0, height: heat.y }, view, window, ink, null);
    drawRows(context, heat, order, window, ink, this.room.state.now.unit);
    if (view.series) void this.drawSeries(context, view);
    context.strokeStyle = ink.line;
    context.strokeRect(heat.x - 0.5, heat.y - 0.5, heat.width + 1, heat.height + 1);
    if (this.drawn++ === 0) performance.mark("heat");
    this.drawOverNow();
  }

  private async drawSeries(context: CanvasRenderingContext2D, view: View): Promise<void> {
    const grid = await this.room.blocks.grid(view.series!.block);
    const { heat, window, ink } = this;
    const level = grid.level((window.to - window.from) / heat.width);
    const wide = heat.width / (window.to - window.from);
    context.save();
    context.beginPath();
    context.rect(heat.x, 0, heat.width, heat.y);
    context.clip();
    for (let r = 0; r < Math.min(grid.rows, 6); r++) {
      context.strokeStyle = this.room.colour(`--c${r + 1}`) || ink.accent;
      context.lineWidth = 1.5;
      context.beginPath();
      let low = Infinity;
      let high = -Infinity;
      for (let t = 0; t < grid.columns; t++) {
        const value = grid.at(r, t);
        if (value < low) low = value;
        if (value > high) high = value;
      }
      const first = Math.max(0, Math.floor(window.from / level.step) - 1);
      const last = Math.min(level.columns, Math.ceil(window.to / level.step) + 1);
      for (let t = first; t < last; t++) {
        const value = grid.value(level.codes[r * level.columns + t]!);
        const x = heat.x + ((t + 0.5) * level.step - window.from) * wide;
        const y = heat.y - 8 - ((value - low) / (high - low || 1)) * (heat.y - 18);
        if (t === first) context.moveTo(x, y);
        else context.lineTo(x, y);
      }
      context.stroke();
    }
    context.restore();
  }

  private drawOverNow(): void {
    if (!this.shown || this.width === 0) return;
    const { heat, ink } = this;
    const { now } = this.room.state;
    const context = sized(this.over, this.width, heat.y + heat.height + 2);
    context.clearRect(0, 0, this.width, heat.y + heat.height + 2);
    const wide = heat.width / (now.to - now.from);
    const x = (t: number): number => heat.x + (t - now.from) * wide;
    context.save();
    context.beginPath();
    context.rect(heat.x, 0, heat.width, heat.y + heat.height);
    context.clip();
    const mark = this.room.colour("--mark");
    for (const [from, to] of now.spans) {
      const [left, right] = [x(from), x(to + 1)];
      context.globalAlpha = 0.28;
      context.fillStyle = mark;
      context.fillRect(left, 0, Math.max(1.5, right - left), heat.y);
      context.globalAlpha = 1;
      context.fillRect(left, heat.y - 3, Math.max(1.5, right - left), 3);
      context.strokeStyle = mark;
      context.lineWidth = 1.5;
      context.strokeRect(left, heat.y, Math.max(1.5, right - left), heat.height);
    }
    context.fillStyle = ink.accent;
    for (const t of this.shown.unlike) if (t >= now.from - 1 && t <= now.to) context.fillRect(x(t), heat.y - 2, Math.max(1, wide - 1), 2);
    if (now.step !== null && now.step >= now.from - 1 && now.step < now.to) {
      context.strokeStyle = ink.text;
      context.lineWidth = 1;
      context.globalAlpha = 0.75;
      context.strokeRect(x(now.step) + 0.5, heat.y - 4, Math.max(1, wide - 1), heat.height + 4);
    }
    const at = this.shown.order.indexOf(now.unit);
    if (at >= now.top - 1 && at < now.bottom) {
      const tall = heat.height / (now.bottom - now.top);
      const y = heat.y + (at - now.top) * tall;
      context.globalAlpha = 0.9;
      context.strokeStyle = ink.accent;
      context.lineWidth = 1.5;
      context.strokeRect(heat.x - 2, y - 0.5, heat.width + 4, Math.max(2, tall + 1));
    }
    context.restore();
  }

  private place(event: { offsetX: number; offsetY: number }): { step: number; row: number; inside: boolean } {
    const { heat } = this;
    const { now } = this.room.state;
    return {
      step: now.from + ((event.offsetX - heat.x) / heat.width) * (now.to - now.from),
      row: now.top + ((event.offsetY - heat.y) / heat.height) * (now.bottom - now.top),
      inside: event.offsetY >= heat.y,
    };
  }

  private listen(): void {
    const { over, room } = this;
    const { state } = room;
    let start: { x: number; y: number; from: number; to: number; top: number; bottom: number; brush: number | null } | null = null;
    let moved = false;
    const clamp = (step: number): number => Math.max(0, Math.min((this.shown?.grid.columns ?? 1) - 1, Math.floor(step)));

    over.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const at = this.place(event);
      const { from, to, top, bottom } = state.now;
      start = { x: event.offsetX, y: event.offsetY, from, to, top, bottom, brush: at.inside ? null : clamp(at.step) };
      moved = false;
      over.setPointerCapture(event.pointerId);
      if (start.brush !== null) {
        const kept = event.shiftKey ? state.now.spans : [];
        state.set({ spans: [...kept, [start.brush, start.brush]] });
      }
    });
    over.addEventListener("pointermove", (event) => {
      const at = this.place(event);
      if (!start) {
        this.hover(event, at);
        return;
      }
      if (Math.abs(event.offsetX - start.x) + Math.abs(event.offsetY - start.y) > 3) moved = true;
      if (start.brush !== null) {
        const here = clamp(at.step);
        const kept = state.now.spans.slice(0, -1);
        state.set({ spans: [...kept, [Math.min(here, start.brush), Math.max(here, start.brush)]] });
      } else if (moved) {
        const { heat } = this;
        const dx = ((event.offsetX - start.x) / heat.width) * (start.to - start.from);
        const dy = ((event.offsetY - start.y) / heat.height) * (start.bottom - start.top);
        moveTo(room, start.from - dx, start.top - dy, this.shown!.grid.rows);
        this.tip.hidden = true;
      }
    });
    const end = (event: PointerEvent): void => {
      const at = this.place(event);
      if (start && !moved && start.brush === null && this.shown) {
        const unit = this.shown.order[Math.floor(at.row)];
        if (unit !== undefined) state.set({ unit, step: clamp(at.step) });
      }
      if (start && !moved && start.brush !== null) state.set({ focus: start.brush });
      start = null;
    };
    over.addEventListener("pointerup", end);
    over.addEventListener("pointercancel", () => (start = null));
    over.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
      if (!start) state.set({ step: null });
    });
    over.addEventListener("dblclick", (event) => {
      if (this.place(event).inside) zoom(room, 0.5, this.place(event).step);
    });
    over.addEventListener(
      "wheel",
      (event) => {
        const at = this.place(event);
        if (event.ctrlKey || event.metaKey) {
          event.preventDefault();
          if (event.shiftKey) zoomUnits(room, Math.exp(event.deltaY / 400), at.row, this.shown?.grid.rows ?? 1);
          else zoom(room, Math.exp(event.deltaY / 400), at.step);
        } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          event.preventDefault();
          const by = (event.deltaX || event.deltaY) / this.heat.width;
          moveTo(room, state.now.from + by * (state.now.to - state.now.from), state.now.top, this.shown?.grid.rows ?? 1);
        }
      },
      { passive: false },
    );
  }

  private hover(event: PointerEvent, at: { step: number; row: number; inside: boolean }): void {
    const { shown, room, tip } = this;
    if (!shown) return;
    const step = Math.floor(at.step);
    const unit = shown.order[Math.floor(at.row)];
    const known = step >= 0 && step < shown.grid.columns;
    room.state.set({ step: known ? step : null });
    tip.hidden = !known || !at.inside || unit === undefined;
    if (tip.hidden || unit === undefined) return;
    const value = shown.grid.at(unit, step);
    tip.replaceChildren(
      el("b", {}, el("bdi", {}, label(shown.view.tokens[step] ?? "", 40))),
      el("span", {}, `${room.words.step(step)} · ${room.words.unit(unit)}`),
      el("span", { class: "tip-value" }, number(value)),
    );
    const left = Math.min(event.offsetX + 14, this.width - 190);
    tip.style.left = `${left}px`;
    tip.style.top = `${event.offsetY + 16}px`;
  }
}

/** Show as many steps as now, from another one on. */
export function moveTo(room: Room, from: number, top: number, units: number): void {
  const { now } = room.state;
  const width = now.to - now.from;
  const height = now.bottom - now.top;
  const start = Math.max(0, Math.min(room.span - width, from));
  const first = Math.max(0, Math.min(units - height, top));
  room.state.set({ from: start, to: start + width, top: first, bottom: first + height });
}

/** Show `factor` times as many steps, with one of them where it is. */
export function zoom(room: Room, factor: number, about: number): void {
  const { now } = room.state;
  const before = now.to - now.from;
  const width = Math.max(Math.min(8, room.span), Math.min(room.span, before * factor));
  const share = (about - now.from) / before;
  const from = Math.max(0, Math.min(room.span - width, about - share * width));
  room.state.set({ from, to: from + width });
}

function zoomUnits(room: Room, factor: number, about: number, units: number): void {
  const { now } = room.state;
  const before = now.bottom - now.top;
  const height = Math.max(Math.min(6, units), Math.min(units, before * factor));
  const share = (about - now.top) / before;
  const top = Math.max(0, Math.min(units - height, about - share * height));
  room.state.set({ top, bottom: top + height });
}
