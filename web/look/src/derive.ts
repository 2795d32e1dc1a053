/** Grids made from others. */

import { Grid } from "./blocks";

/** First minus second, step by step, over the steps that both have; null where their units do not correspond. */
export function difference(a: Grid, b: Grid): Grid | null {
  if (a.rows !== b.rows) return null;
  const columns = Math.min(a.columns, b.columns);
  let most = 0;
  const values = new Float32Array(a.rows * columns);
  for (let u = 0, to = 0; u < a.rows; u++) {
    for (let t = 0; t < columns; t++, to++) {
      const value = a.at(u, t) - b.at(u, t);
      values[to] = value;
      if (Math.abs(value) > most) most = Math.abs(value);
    }
  }
  most ||= 1;
  const block = { id: "", rows: a.rows, columns, bits: 16 as const, low: -most, high: most };
  const codes = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    codes[i] = Number.isNaN(value) ? 0 : 1 + Math.round(((value + most) / (2 * most)) * 65534);
  }
  return new Grid(block, codes);
}
