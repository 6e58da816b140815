// Loads Drizzle without Node's detour: to learn that each of its hundred modules is an ES module, Node 24 parses Drizzle's
// package.json (179 KB) anew for each, which costs every process most of a second and 220 MB of memory. Takes effect for
// what is imported after it.
import { registerHooks } from "node:module";

// Its ES modules end in .js; those in .cjs are none, and Node knows it by the name.
const DRIZZLE_MODULE = /\/node_modules\/drizzle-orm\/.*\.js$/;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const { parentURL = "" } = context;
    if (!specifier.startsWith(".") || !DRIZZLE_MODULE.test(parentURL)) return nextResolve(specifier, context);
    return { url: new URL(specifier, parentURL).href, format: "module", shortCircuit: true };
  },
});
