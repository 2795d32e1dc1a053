/** What the Python side hands over: plain values, and blocks of numbers that stand beside them in the page. */

/** A matrix of numbers, rows x columns, packed in an element of the page. */
export interface Block {
  readonly id: string;
  readonly rows: number;
  readonly columns: number;
  readonly bits: 8 | 16;
  /** The values of codes 1 and the largest; code 0 is "no value". */
  readonly low: number;
  readonly high: number;
}

/** signed: around zero; share: from 0 to 1; amount: from zero up. */
export type Kind = "signed" | "share" | "amount";

export interface Track {
  readonly name: string;
  readonly kind: Kind;
  readonly block: Block;
}

export interface Layer {
  readonly name: string;
  readonly cell: string;
  /** 1 reads from the first step on, -1 from the last. */
  readonly direction: 1 | -1;
  readonly units: number;
  /** What its steps are called, where it has steps of its own, as a decoder. */
  readonly tokens: readonly string[] | null;
  readonly tracks: readonly Track[];
  /** Steps that each unit holds on, if measured. */
  readonly timescales: readonly (number | null)[] | null;
}

export interface Lag {
  readonly name: string;
  /** Size of the gradient at lag 0, 1, 2, ... as a share of lag 0. */
  readonly values: readonly (number | null)[];
  readonly horizon: number | null;
  readonly timescale: number | null;
}

export interface Saliency {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Where the network makes a choice at each step: row t is about that of step t. */
  readonly rows: Block | null;
}

export interface Matrix {
  readonly name: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly block: Block;
}

/** A picture and, for each label, how much each of its places counted. */
export interface ImageMap {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Block;
  readonly labels: readonly string[];
  readonly mapWidth: number;
  readonly mapHeight: number;
  readonly maps: Block;
}

export interface Flag {
  readonly layer: string;
  readonly state: string;
  readonly unit: number;
  readonly property: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** F1 of the best unit against shuffled labels. */
  readonly chance: number | null;
}

interface Said {
  readonly what: string;
  readonly numbers: string;
  readonly try: string;
}

export interface Diagnosis {
  readonly kind: string;
  readonly grave: boolean;
  readonly en: Said;
  readonly ko: Said;
}

/** What flags were found on: `records` other inputs, or the halves of this one where that is 0. */
export interface Searched {
  readonly records: number;
  readonly steps: number;
  readonly held: number;
}

export interface Series {
  readonly names: readonly string[];
  readonly block: Block;
}

/** One model on one text or series. */
export interface View {
  readonly name: string;
  /** What the steps are: words, characters, or numbers of a series. */
  readonly unit: "word" | "character" | "step";
  readonly tokens: readonly string[];
  /** What stands between a token and the one before it in the text; null where nothing does. */
  readonly gaps: readonly string[] | null;
  readonly series: Series | null;
  readonly layers: readonly Layer[];
  /** How much of each step is still held at some of the steps: row r is about step `at[r]`. */
  readonly memory: { readonly at: readonly number[]; readonly about: string; readonly block: Block } | null;
  readonly saliency: readonly Saliency[];
  /** What saliency is about. */
  readonly decides: "answer" | "forecast" | "written";
  readonly lags: readonly Lag[];
  readonly matrices: readonly Matrix[];
  readonly images: readonly ImageMap[];
  readonly flags: readonly Flag[];
  readonly searched: Searched | null;
  readonly diagnosis: readonly Diagnosis[];
  /** In a line; empty where that would be too long, or nothing was said. */
  readonly answer: string;
  /** What was said of each token, as its tag. */
  readonly tags: readonly string[] | null;
}

/** A row of what a training run says while it runs. */
export interface Live {
  readonly address: string;
  readonly every: number;
}

export interface Scene {
  readonly version: 1;
  readonly title: string;
  readonly subtitle: string;
  readonly language: "en" | "ko" | null;
  readonly views: readonly View[];
  readonly notes: readonly string[];
  readonly live: Live | null;
}
