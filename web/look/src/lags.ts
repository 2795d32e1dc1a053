/** Gradient by lag: how far back a step can still be learned from. */

import uPlot from "uplot";
import { el, WHOLE } from "./dom";
import type { Room } from "./room";
import { layerName, number, otherSteps, visible } from "./text";

export class Lags {
  readonly element = el("section", { id: "lags" });
  private plot: uPlot | null = null;
  private readonly box = el("div", { class: "plot" });

  constructor(private readonly room: Room) {
    room.state.on(["view", "compare", "theme", "language"], () => this.build());
    new ResizeObserver(() => {
      const width = this.box.clientWidth;
      if (this.plot && width && this.plot.width !== width) this.plot.setSize({ width, height: 260 });
    }).observe(this.box);
    this.build();
  }

  private build(): void {
    const { room } = this;
    const { words, state } = room;
    const views = state.now.compare === "one" ? [room.view] : [room.view, room.other];
    const named = views.length > 1;
    const lags = views.flatMap((view) => view.lags.map((lag) => ({ ...lag, name: `${named ? `${visible(view.name)} · ` : ""}${layerName(lag.name, words)}${view.layers.filter((layer) => layer.name === lag.name).map((layer) => otherSteps(view, layer, words))[0] ?? ""}` })));
    this.element.hidden = lags.length === 0;
    if (!lags.length) return;
    const colours = lags.map((_, index) => room.colour(`--c${(index % 6) + 1}`));
    const keys = lags.map((lag, index) => {
      const swatch = el("i", {});
      swatch.style.background = colours[index]!;
      const said = lag.horizon === null ? words.never : words.horizon(lag.horizon);
      const fades = lag.timescale === null ? "" : `, ${words.fades(number(lag.timescale))}`;
      return el("span", { class: "key" }, swatch, `${lag.name}: `, el("b", {}, said), fades);
    });
    this.element.replaceChildren(el("h2", {}, words.lags), el("p", { class: "note" }, words.lagsNote), el("div", { class: "keys" }, ...keys), this.box);
    this.plot?.destroy();
    const length = Math.max(...lags.map((lag) => lag.values.length));
    const rows = lags.map((lag) => Array.from({ length }, (_, k) => positive(lag.values[k])));
    const known = rows.flat().filter((value): value is number => value !== null);
    const low = Math.max(1e-12, Math.min(0.005, ...known));
    const high = Math.max(1, ...known);
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: room.colour("--muted"), font, labelFont: font, grid: { stroke: room.colour("--line"), width: 1 }, ticks: { show: false } };
    this.plot = new uPlot(
      {
        width: this.box.clientWidth || 600,
        height: 260,
        padding: [10, 14, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { size: 7 } },
        scales: { x: { time: false }, y: { distr: 3, range: [low, high] } },
        axes: [
          { ...axis, label: words.lag, labelSize: 24, size: 32, incrs: WHOLE },
          { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : shareText(tick))) },
        ],
        series: [{}, ...lags.map((_, index) => ({ stroke: colours[index]!, width: 2, points: { show: length < 40, size: 5 } }))],
        hooks: { draw: [(self: uPlot) => this.marks(self, lags.map((lag) => lag.horizon), colours)] },
      },
      [Array.from({ length }, (_, k) => k), ...rows],
      this.box,
    );
  }

  /** The line of 1%, and where each curve falls under it. */
  private marks(plot: uPlot, horizons: readonly (number | null)[], colours: readonly string[]): void {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const y = plot.valToPos(0.01, "y", true);
    ctx.save();
    ctx.setLineDash([4, 4]);
    ctx.strokeStyle = this.room.colour("--muted");
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    horizons.forEach((horizon, index) => {
      if (horizon === null) return;
      const x = plot.valToPos(horizon, "x", true);
      ctx.setLineDash([2, 3]);
      ctx.strokeStyle = colours[index]!;
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.fillStyle = colours[index]!;
      ctx.beginPath();
      ctx.arc(x, y, 4.5 * (window.devicePixelRatio || 1), 0, 7);
      ctx.fill();
    });
    ctx.restore();
  }
}

function positive(value: number | null | undefined): number | null {
  return value != null && Number.isFinite(value) && value > 0 ? value : null;
}

function shareText(share: number): string {
  const exponent = Math.log10(share);
  if (Math.abs(exponent - Math.round(exponent)) > 1e-6) return "";
  return share >= 1e-4 ? `${number(100 * share)}%` : `10${superscript(Math.round(exponent))}`;
}

function superscript(value: number): string {
  return String(value).replace(/[-\d]/g, (one) => ("⁻⁰¹²³⁴⁵⁶⁷⁸⁹")["-0123456789".indexOf(one)]!);
}
