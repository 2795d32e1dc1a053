/** Lines of many steps, drawn column by column: a path of thousands of short strokes takes a browser too long for a frame. */

import type uPlot from "uplot";

/** Columns of pixels that a step must have for its line to be drawn as a path, which looks smoother. */
const WIDE = 4;

/** Whether the steps from one index to another are too close to each other for a path. */
export function crowded(plot: uPlot): boolean {
  const { min, max } = plot.scales["x"]!;
  return plot.bbox.width / ((max ?? 1) - (min ?? 0)) < WIDE * (window.devicePixelRatio || 1);
}

/** Draw one series as what its line covers of each column of pixels. */
export function drawColumns(plot: uPlot, index: number): void {
  const { ctx, bbox, data, scales } = plot;
  const xs = data[0]!;
  const ys = data[index]!;
  const series = plot.series[index]!;
  const [fromX, toX] = [scales["x"]!.min!, scales["x"]!.max!];
  const [fromY, toY] = [scales["y"]!.min!, scales["y"]!.max!];
  const wide = bbox.width / (toX - fromX);
  const tall = bbox.height / (toY - fromY);
  const columns = Math.ceil(bbox.width);
  const low = new Float32Array(columns).fill(Infinity);
  const high = new Float32Array(columns).fill(-Infinity);
  const cover = (column: number, y: number): void => {
    if (column < 0 || column >= columns) return;
    if (y < low[column]!) low[column] = y;
    if (y > high[column]!) high[column] = y;
  };
  // Steps are one apart.
  const first = Math.max(0, Math.floor(fromX - xs[0]!) - 1);
  const last = Math.min(xs.length - 1, Math.ceil(toX - xs[0]!) + 1);
  let [x0, y0] = [NaN, NaN];
  for (let t = first; t <= last; t++) {
    const value = ys[t];
    const x = (xs[t]! - fromX) * wide;
    const y = value == null ? NaN : (toY - value) * tall;
    if (!Number.isNaN(y0) && !Number.isNaN(y)) {
      const slope = (y - y0) / (x - x0);
      cover(Math.floor(x0), y0);
      for (let edge = Math.floor(x0) + 1; edge <= x; edge++) {
        cover(edge - 1, y0 + (edge - x0) * slope);
        cover(edge, y0 + (edge - x0) * slope);
      }
      cover(Math.floor(x), y);
    }
    [x0, y0] = [x, y];
  }
  const thick = Math.max(1, Math.round((series.width ?? 1) * (window.devicePixelRatio || 1)));
  const left = Math.round(bbox.left);
  const top = Math.round(bbox.top);
  ctx.save();
  ctx.fillStyle = typeof series.stroke === "function" ? (series.stroke as (plot: uPlot, index: number) => string)(plot, index) : String(series.stroke);
  for (let column = 0; column < columns; column++) {
    if (low[column]! > high[column]!) continue;
    const y = Math.round(low[column]! - thick / 2);
    ctx.fillRect(left + column, top + y, 1, Math.max(thick, Math.round(high[column]! + thick / 2) - y));
  }
  ctx.restore();
}
