// The headers of answers, as the document shows them.

export interface Header {
  description: string;
  required: boolean;
  schema: { type: "string" | "integer"; const?: string; enum?: string[]; minimum?: number; pattern?: string };
}
export type Headers = Record<string, Header>;

const RATE: Headers = {
  "RateLimit-Policy": {
    description:
      "The business's requests in a window: its size in seconds is `w`. Absent if they could not be counted.",
    required: false,
    schema: { type: "string", pattern: '^"business";q=\\d+;w=\\d+$' },
  },
  RateLimit: {
    description: "About how many of them are left; of a refused request also in how many seconds there will be more.",
    required: false,
    schema: { type: "string", pattern: '^"business";r=\\d+(;t=\\d+)?$' },
  },
};
const REPLAYED: Headers = {
  "Idempotent-Replayed": {
    description: "This answer was given before, to the same Idempotency-Key.",
    required: false,
    schema: { type: "string", const: "true" },
  },
};
const LANGUAGE: Headers = {
  "Content-Language": {
    description: "Of what is said to people.",
    required: true,
    schema: { type: "string", enum: ["he", "en"] },
  },
};
const RETRY: Headers = {
  "Retry-After": { description: "Seconds to wait.", required: true, schema: { type: "integer", minimum: 1 } },
};
const CHALLENGE: Headers = {
  "WWW-Authenticate": { description: "RFC 6750.", required: true, schema: { type: "string", pattern: "^Bearer" } },
};
export const DOWNLOAD: Headers = {
  ...LANGUAGE,
  "Content-Disposition": {
    description: "A name for the file.",
    required: true,
    schema: { type: "string", pattern: "^attachment" },
  },
};

/** Of an answer with this status; `counted`: its requests count against the business's limit. */
export function headersOf(status: number, of: { counted: boolean; keyed: boolean }): Headers {
  return {
    ...(of.counted && status !== 401 && RATE),
    ...(of.keyed && status < 300 && REPLAYED),
    ...(status >= 400 && LANGUAGE),
    ...(status === 401 && CHALLENGE),
    ...((status === 429 || status === 503) && RETRY),
  };
}
