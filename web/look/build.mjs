// usage: node build.mjs [--out DIR]
// Makes the two files that the Python package ships: look.js and look.css.
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const flag = process.argv.indexOf("--out");
const out = flag > 0 ? resolve(process.argv[flag + 1]) : join(here, "../../src/unroll/viewer/static");
mkdirSync(out, { recursive: true });

const license = readFileSync(join(here, "node_modules/uplot/LICENSE"), "utf8").trim();
const banner = `/*! The page of unroll look. Holds uPlot (plots):\n${license.replaceAll("*/", "* /")}\n*/`;

const made = await esbuild.build({
  entryPoints: [join(here, "src/main.ts")],
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  charset: "ascii", // the page stays readable whatever encoding a reader guesses
  legalComments: "none",
  write: false,
});
// The script stands inside the page: nothing in it may end its element.
const script = `${banner}\n${made.outputFiles[0].text}`.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
writeFileSync(join(out, "look.js"), script);

const plots = readFileSync(join(here, "node_modules/uplot/dist/uPlot.min.css"), "utf8");
const styles = await esbuild.transform(plots + readFileSync(join(here, "src/look.css"), "utf8"), { loader: "css", minify: true });
writeFileSync(join(out, "look.css"), styles.code);
console.log(`look.js ${script.length} bytes, look.css ${styles.code.length} bytes`);
