import { defineConfig } from "drizzle-kit";

// `drizzle-kit generate` compares db/schema.ts with the newest snapshot below db/migrations/meta; the SQL files are
// edited by hand afterwards so that each of them can run on any state an older system left behind.
export default defineConfig({ dialect: "postgresql", schema: "./db/schema.ts", out: "./db/migrations" });
