/** Vite plugin: the service worker of /field with the list of what it keeps, named by their hash. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";

const WORKER = "field-sw.js";
/** Files that are not built but shown. */
const STATIC = ["icon.svg", "icon-192.png", "icon-512.png", "field.webmanifest"];

interface Built {
  type: "chunk" | "asset";
  fileName: string;
  imports?: string[];
  dynamicImports?: string[];
  viteMetadata?: { importedCss?: Set<string> };
}

/** Everything that the page may load, by following its imports; the map too. */
function reached(bundle: Record<string, Built>, from: string, seen: Set<string>): void {
  const chunk = bundle[from];
  if (!chunk || seen.has(from)) return;
  seen.add(from);
  for (const css of chunk.viteMetadata?.importedCss ?? []) seen.add(css);
  for (const next of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) {
    reached(bundle, next, seen);
  }
}

export function fieldWorker(root: string): Plugin {
  return {
    name: "tahuri-field-worker",
    apply: "build",
    buildStart() {
      this.emitFile({ type: "chunk", id: resolve(root, "src/field/worker.ts"), fileName: WORKER });
    },
    generateBundle: {
      order: "post",
      handler(_options, output) {
        const bundle = output as unknown as Record<string, Built>;
        const page = Object.values(output).find(
          (file) => file.type === "chunk" && file.isEntry && file.name === "field",
        );
        const worker = output[WORKER];
        if (!page || worker?.type !== "chunk") return this.error("no page or no worker of /field");
        if (worker.imports.length > 0) return this.error("the worker must be one file");
        const seen = new Set<string>();
        reached(bundle, page.fileName, seen);
        const files = [...seen].sort();
        const kept = STATIC.filter((name) => existsSync(resolve(root, "public", name)));
        const hash = createHash("sha256").update(worker.code);
        // Built names carry their own hash; the others are hashed by content.
        for (const name of files) hash.update(name);
        for (const name of kept) hash.update(readFileSync(resolve(root, "public", name)));
        hash.update(readFileSync(resolve(root, "field.html")));
        const version = hash.digest("hex").slice(0, 16);
        const shell = { version, files: ["/field", ...[...files, ...kept].map((name) => `/${name}`)] };
        worker.code = worker.code.replace("__TAHURI_SHELL__", JSON.stringify(shell));
      },
    },
  };
}
