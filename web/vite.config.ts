// Builds the pages; `npm run dev` serves them in front of a running centre.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { fieldWorker } from "./src/field/build.ts";

const root = import.meta.dirname;
const server = process.env["TAHURI_DEV_SERVER"] ?? "http://127.0.0.1:8112";
/** A page is built when its folder has a main.ts, so that one part may land before another. */
const pages = {
  index: "src/welcome",
  console: "src/console",
  field: "src/field",
  admin: "src/admin",
  telephone: "src/telephone",
  caller: "src/caller",
};

export default defineConfig({
  root,
  plugins: [svelte(), fieldWorker(root)],
  build: {
    target: "es2022",
    // A data: address would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: Object.fromEntries(
        Object.entries(pages)
          .filter(([, folder]) => existsSync(resolve(root, folder, "main.ts")))
          .map(([page]) => [page, resolve(root, `${page}.html`)]),
      ),
    },
  },
  server: { host: "127.0.0.1", proxy: { "/api": server, "/healthz": server } },
});
