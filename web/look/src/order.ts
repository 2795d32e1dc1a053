/** Orders of units, and what each unit is like. All from the codes of a track, so large ones stay quick. */

import type { Grid } from "./blocks";
import type { Layer } from "./scene";

export type Sorting = "number" | "similarity" | "saturation" | "timescale" | "query";

/** Steps that are looked at where all would take too long. */
const SAMPLED = 256;

/** Share of steps at which each unit is near an end of its range: gates under 0.1 or over 0.9, states over 0.9. */
export function saturation(grid: Grid, share: boolean): Float64Array {
  return Float64Array.from({ length: grid.rows }, (_, unit) => saturationOf(grid, share, unit));
}

/** The same of one unit. */
export function saturationOf(grid: Grid, share: boolean, unit: number): number {
  const [low, high] = share ? [grid.code(0.1), grid.code(0.9)] : [grid.code(-0.9), grid.code(0.9)];
  let near = 0;
  let known = 0;
  for (let at = unit * grid.columns, end = at + grid.columns; at < end; at++) {
    const code = grid.codes[at]!;
    if (code === 0) continue;
    known++;
    if (code < low || code > high) near++;
  }
  return known ? near / known : NaN;
}

/** Steps after which each unit's own past stops showing: -1 / ln of the correlation with the step before. */
function correlated(grid: Grid, unit: number): number {
  const start = unit * grid.columns;
  let sum = 0;
  for (let t = 0; t < grid.columns; t++) sum += grid.codes[start + t]!;
  const mean = sum / grid.columns;
  let square = 0;
  let product = 0;
  for (let t = 0; t < grid.columns; t++) {
    const here = grid.codes[start + t]! - mean;
    square += here * here;
    if (t) product += here * (grid.codes[start + t - 1]! - mean);
  }
  const correlation = square > 0 ? product / square : 0;
  return correlation <= 0 ? 0 : correlation >= 1 ? Infinity : -1 / Math.log(correlation);
}

/** The time scale of a unit of a layer as it was measured on its gates, or from the values that are shown. */
export function timescaleOf(layer: Layer, grid: Grid, unit: number): number {
  return layer.timescales ? (layer.timescales[unit] ?? Infinity) : correlated(grid, unit);
}

/** Those of all units. */
export function timescales(layer: Layer, grid: Grid): Float64Array {
  return Float64Array.from({ length: grid.rows }, (_, unit) => timescaleOf(layer, grid, unit));
}

/** A chain in which neighbours behave alike: from the most active unit on, always the nearest one that is left. */
export function similarity(grid: Grid): Uint32Array {
  const level = grid.level(Math.max(1, grid.columns / SAMPLED));
  const steps = Math.min(level.columns, 2 * SAMPLED);
  const unit = new Float32Array(grid.rows * steps);
  const active = new Float64Array(grid.rows);
  for (let u = 0; u < grid.rows; u++) {
    let mean = 0;
    for (let t = 0; t < steps; t++) mean += level.codes[u * level.columns + t]! / steps;
    let square = 0;
    for (let t = 0; t < steps; t++) {
      const value = level.codes[u * level.columns + t]! - mean;
      unit[u * steps + t] = value;
      square += value * value;
    }
    active[u] = square;
    const size = Math.sqrt(square) || 1;
    for (let t = 0; t < steps; t++) unit[u * steps + t]! /= size;
  }
  const order = new Uint32Array(grid.rows);
  const left = new Set(active.keys());
  let last = active.indexOf(active.reduce((a, b) => Math.max(a, b), 0));
  for (let place = 0; place < grid.rows; place++) {
    order[place] = last;
    left.delete(last);
    let best = -1;
    let near = -Infinity;
    for (const u of left) {
      let product = 0;
      for (let t = 0, a = last * steps, b = u * steps; t < steps; t++) product += unit[a + t]! * unit[b + t]!;
      if (product > near) [near, best] = [product, u];
    }
    last = best;
  }
  return order;
}

/** Units by a value, the largest first; those without one last. */
export function byValue(values: Float64Array): Uint32Array {
  const rank = (u: number): number => (Number.isNaN(values[u]!) ? -Infinity : values[u]!);
  return Uint32Array.from([...values.keys()].sort((a, b) => (rank(b) === rank(a) ? a - b : rank(b) > rank(a) ? 1 : -1)));
}

export function byNumber(units: number): Uint32Array {
  return Uint32Array.from({ length: units }, (_, u) => u);
}
