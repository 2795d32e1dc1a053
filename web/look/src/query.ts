/** Which units are on exactly where the reader marked the text? */

import type { Grid } from "./blocks";

/** From the first step to the last, both inside. */
export type Span = readonly [number, number];

/** How well "unit above (or below) its threshold" says where the marked steps are. */
export interface Match {
  readonly unit: number;
  /** 1: on above the threshold; -1: on below it. */
  readonly sign: 1 | -1;
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

const BINS = 256;

/**
 * The best threshold of every unit, by F1 over all steps: precision is the share of steps at which the unit is on that
 * are marked, recall the share of marked steps at which it is on. Thresholds are the 255 borders between 256 equal
 * steps of the track's range, so that a histogram finds the best one in one pass.
 */
export function matches(grid: Grid, spans: readonly Span[]): Match[] {
  const marked = new Uint8Array(grid.columns);
  for (const [from, to] of spans) marked.fill(1, from, to + 1);
  const wanted = marked.reduce((sum, one) => sum + one, 0);
  if (wanted === 0) return [];
  const inside = new Uint32Array(BINS);
  const all = new Uint32Array(BINS);
  const shift = grid.top === 255 ? 0 : 8;
  const found: Match[] = [];
  for (let unit = 0; unit < grid.rows; unit++) {
    inside.fill(0);
    all.fill(0);
    let known = 0;
    for (let t = 0, at = unit * grid.columns; t < grid.columns; t++, at++) {
      const code = grid.codes[at]!;
      if (code === 0) continue;
      known++;
      all[code >> shift]!++;
      inside[code >> shift]! += marked[t]!;
    }
    let best: Match = { unit, sign: 1, threshold: NaN, precision: 0, recall: 0, f1: -1 };
    let above = known;
    let hits = inside.reduce((sum, one) => sum + one, 0);
    const total = hits;
    for (let bin = 0; bin < BINS; bin++) {
      // Before this bin is taken off: on are the codes of this bin and of all above it.
      if (all[bin]) {
        best = better(best, unit, 1, grid.value(Math.max(1, bin << shift)), hits, above, wanted);
        above -= all[bin]!;
        hits -= inside[bin]!;
        best = better(best, unit, -1, grid.value(((bin + 1) << shift) - 1), total - hits, known - above, wanted);
      }
    }
    if (best.f1 >= 0) found.push(best);
  }
  return found.sort((a, b) => b.f1 - a.f1 || a.unit - b.unit);
}

function better(
  best: Match,
  unit: number,
  sign: 1 | -1,
  threshold: number,
  hits: number,
  on: number,
  wanted: number,
): Match {
  const f1 = on + wanted ? (2 * hits) / (on + wanted) : 0;
  if (f1 <= best.f1) return best;
  return { unit, sign, threshold, precision: on ? hits / on : 0, recall: hits / wanted, f1 };
}

/** F1 of a unit that is on at every step: what a match has to beat. */
export function chance(spans: readonly Span[], steps: number): number {
  const wanted = spans.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return (2 * wanted) / (wanted + steps);
}
