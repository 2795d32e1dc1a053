/** Blocks of numbers: unpacked when they are first looked at, with coarser copies for looking from afar. */

import type { Block } from "./scene";

type Codes = Uint8Array | Uint16Array;

/** One resolution of a block: `columns` steps per row, each the mean of `step` steps of the block. */
export interface Level {
  readonly step: number;
  readonly columns: number;
  readonly codes: Codes;
}

/** A matrix, rows x columns, in codes from 1 (`low`) to `top` (`high`); 0 is "no value". */
export class Grid {
  readonly rows: number;
  readonly columns: number;
  readonly low: number;
  readonly high: number;
  readonly top: number;
  readonly levels: Level[];

  constructor(block: Block, codes: Codes) {
    this.rows = block.rows;
    this.columns = block.columns;
    this.low = block.low;
    this.high = block.high;
    this.top = block.bits === 8 ? 255 : 65535;
    this.levels = [{ step: 1, columns: block.columns, codes }];
  }

  /** The value that a code stands for. */
  value(code: number): number {
    return code === 0 ? NaN : this.low + ((code - 1) / (this.top - 1)) * (this.high - this.low);
  }

  /** The code nearest to a value. */
  code(value: number): number {
    const width = this.high - this.low || 1;
    return 1 + Math.round(((value - this.low) / width) * (this.top - 1));
  }

  at(row: number, column: number): number {
    return this.value(this.codes[row * this.columns + column] ?? 0);
  }

  get codes(): Codes {
    return this.levels[0]!.codes;
  }

  /** Half the distance of two codes: how far a shown value may lie from the one that was measured. */
  get error(): number {
    return (this.high - this.low) / (this.top - 1) / 2;
  }

  row(row: number): Float64Array {
    const values = new Float64Array(this.columns);
    for (let t = 0; t < this.columns; t++) values[t] = this.at(row, t);
    return values;
  }

  /** The coarsest copy that still has a column per `step` steps. */
  level(step: number): Level {
    let best = this.levels[0]!;
    while (best.step * 2 <= step && best.columns > 1) {
      const next = this.levels.find((level) => level.step === best.step * 2) ?? this.halved(best);
      best = next;
    }
    return best;
  }

  private halved(fine: Level): Level {
    const columns = Math.ceil(fine.columns / 2);
    const codes = this.top === 255 ? new Uint8Array(this.rows * columns) : new Uint16Array(this.rows * columns);
    for (let r = 0; r < this.rows; r++) {
      let from = r * fine.columns;
      const end = from + fine.columns;
      for (let to = r * columns; from < end; from += 2, to++) {
        const a = fine.codes[from]!;
        const b = from + 1 < end ? fine.codes[from + 1]! : 0;
        codes[to] = a && b ? (a + b + 1) >> 1 : a || b;
      }
    }
    const level = { step: fine.step * 2, columns, codes };
    this.levels.push(level);
    return level;
  }
}

/** The elements that hold the blocks of a scene; those of a page that were read already are kept. */
export class Blocks {
  private readonly grids = new Map<string, Promise<Grid>>();
  private readonly given = new Map<string, string>();

  /** Take packed blocks that came over the wire instead of with the page. */
  give(packed: Readonly<Record<string, string>>): void {
    for (const [id, text] of Object.entries(packed)) this.given.set(id, text);
  }

  grid(block: Block): Promise<Grid> {
    let known = this.grids.get(block.id);
    if (!known) {
      known = this.read(block);
      this.grids.set(block.id, known);
    }
    return known;
  }

  private async read(block: Block): Promise<Grid> {
    const text = this.given.get(block.id) ?? document.getElementById(block.id)?.textContent;
    if (text == null) throw new Error(`the page lacks the block ${block.id}`);
    const bytes = await inflated(fromBase64(text));
    const count = block.rows * block.columns;
    if (bytes.length !== count * (block.bits / 8)) throw new Error(`the block ${block.id} is damaged`);
    const codes = block.bits === 8 ? bytes : littleEndian(bytes);
    summed(codes, block.columns);
    return new Grid(block, codes);
  }
}

/** Steps are stored as differences, which pack better; each row starts anew. */
function summed(codes: Codes, columns: number): void {
  for (let start = 0; start < codes.length; start += columns) {
    for (let t = start + 1; t < start + columns; t++) codes[t] = codes[t]! + codes[t - 1]!;
  }
}

function littleEndian(bytes: Uint8Array): Uint16Array {
  const codes = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < codes.length; i++) codes[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
  return codes;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const quick = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (quick) return quick.call(Uint8Array, text);
  const plain = atob(text);
  const bytes = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i);
  return bytes;
}

async function inflated(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
