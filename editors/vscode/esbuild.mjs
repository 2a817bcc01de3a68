// Bundles the extension (Node) and its chat page (browser) into dist/; with --tests the unit tests as well.
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";

const production = process.argv.includes("--production");
const common = { bundle: true, minify: production, sourcemap: production ? false : "linked", logLevel: "warning", target: "es2023" };

rmSync("dist", { recursive: true, force: true });
const node = { ...common, platform: "node", format: "cjs", external: ["vscode"] };
await Promise.all([
  build({ ...node, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js" }),
  build({ ...common, platform: "browser", format: "iife", entryPoints: ["src/webview/main.ts"], outfile: "dist/chat.js" }),
]);
if (process.argv.includes("--tests")) {
  const entryPoints = readdirSync("test").filter((it) => it.endsWith(".test.ts")).map((it) => `test/${it}`);
  await build({ ...node, entryPoints, outdir: "dist/test" });
}
