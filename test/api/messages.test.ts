// What is said to people: in both languages, with figures as they are written, and with nothing that only engineers read.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SAY } from "../../src/api/messages.ts";
import { waitingWords } from "../../src/api/waitingWords.ts";

const carrier = (code: string) => waitingWords({ reason: "carrier", code, detail: null, until: null });

describe("what the carrier does", () => {
  it("is one of four things: out of reach, asking for patience, at fault, refusing", () => {
    assert.match(carrier("unreachable").en, /^The phone carrier cannot be reached\./);
    assert.match(carrier("unreachable").he, /^אין חיבור לספק הטלפוניה\./);
    for (const code of ["throttled", "20429", "http_429", "too_slow"]) {
      assert.match(carrier(code).en, /^The phone carrier asks us to wait a moment\./, code);
      assert.match(carrier(code).he, /^ספק הטלפוניה ביקש להמתין רגע\./, code);
    }
    for (const code of ["20500", "20503", "http_502"]) {
      assert.match(carrier(code).en, /^The phone carrier has a fault of its own/, code);
      assert.match(carrier(code).he, /^אצל ספק הטלפוניה יש תקלה/, code);
    }
    assert.match(carrier("20003").en, /refuses calls \(20003\)/);
    assert.match(carrier("20003").he, /מסרב לבצע שיחות \(20003\)/);
  });

  it("never shows a word of ours", () => {
    for (const code of ["unreachable", "throttled", "too_slow"])
      assert.doesNotMatch(Object.values(carrier(code)).join(" "), new RegExp(code));
  });
});

describe("what was stopped or cancelled", () => {
  it("is counted as people write it, and not at all where it is nothing", () => {
    assert.deepEqual(SAY.stopped(19_972), {
      en: "Stopped. 19,972 waiting calls were cancelled.",
      he: "התור נעצר. 19,972 שיחות ממתינות בוטלו.",
    });
    assert.deepEqual(SAY.stopped(1), {
      en: "Stopped. 1 waiting call was cancelled.",
      he: "התור נעצר. שיחה ממתינה אחת בוטלה.",
    });
    assert.deepEqual(SAY.stopped(0), { en: "Stopped.", he: "התור נעצר." });
    assert.deepEqual(SAY.cancelled(0), { en: "Cancelled.", he: "הריצה בוטלה." });
    assert.match(SAY.resumed(2_000).he, /2,000/);
  });
});
