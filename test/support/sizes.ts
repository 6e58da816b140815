// How much: small enough for every `make test`, or with FULL=1 the full ones.

export const FULL = process.env["FULL"] === "1";

export const sized = (usual: number, full: number): number => (FULL ? full : usual);
