// Twilio's error answers: their codes, their words and their JSON shape.

/** An answer other than success, as Twilio words it. */
export class TwilioProblem extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.name = "TwilioProblem";
    this.status = status;
    this.code = code;
  }

  /** `{code, message, more_info, status}`, the body that Twilio sends with it. */
  body(): { code: number; message: string; more_info: string; status: number } {
    const { code, message, status } = this;
    return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
  }
}

const CODE_OF_STATUS: Record<number, number> = {
  400: 20001,
  401: 20003,
  403: 20005,
  404: 20404,
  405: 20004,
  429: 20429,
  500: 20500,
  503: 20503,
};

const WORDS: Record<number, string> = {
  13224: "Dial: Twilio does not support calling this number or the number is invalid",
  13225: "Dial: Call blocked by Twilio",
  20001: "Invalid parameter",
  20003: "Authenticate",
  20004: "Method not allowed",
  20005: "Account not active",
  20429: "Too Many Requests",
  20500: "Internal Server Error",
  20503: "Service unavailable",
  21210:
    "The source phone number provided is not yet verified for your account. You may only make calls from phone numbers that you've verified or purchased from Twilio.",
  21211: "The phone number you are attempting to call is not valid.",
  21214: "The phone number you are attempting to call cannot be reached.",
  21215:
    "Account not authorized to make an international call. Perhaps you need to enable some international permissions.",
  21216: "Account not allowed to call the phone number. The number is on the blocked list.",
  21217: "Phone number does not appear to be valid",
  21219: "The number is unverified. Trial accounts may only make calls to verified numbers.",
};

/** The answer for a status and, if given, a code; the code defaults to the status's usual one. */
export function problem(
  status: number,
  code = CODE_OF_STATUS[status] ?? 20000 + status,
  message?: string,
): TwilioProblem {
  return new TwilioProblem(status, code, message ?? WORDS[code] ?? `Request refused (${code})`);
}

/** 404 / 20404 for a path. */
export function notFound(path: string): TwilioProblem {
  return problem(404, 20404, `The requested resource ${path} was not found`);
}
