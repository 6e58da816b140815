import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { findLayout } from "../../src/leads/columns.ts";
import { fieldOf } from "../../src/leads/headers.ts";

const A = "050-234-5678";
const B = "052-345-6789";

describe("fieldOf", () => {
  const TITLES: [field: string | undefined, ...titles: string[]][] = [
    [
      "mobile",
      "Mobile",
      "CELL",
      "cell-phone",
      "mobileNumber",
      "נייד",
      "טלפון נייד",
      "פלאפון",
      "סלולרי",
      "מס' נייד",
      "Mobile phone (IL)",
    ],
    [
      "phone",
      "phone",
      "Phone Number",
      "phone_number",
      "phoneNumber",
      "Tel.",
      "TELEPHONE",
      "phone_e164",
      "טלפון",
      "מספר טלפון",
      "מס׳ טלפון",
      "טל'",
      " טלפון: ",
      "טלפון 2",
      "טֶלֶפוֹן",
      "Customer phone",
    ],
    ["first_name", "First Name", "firstName", "שם פרטי"],
    ["last_name", "Surname", "last-name", "שם משפחה"],
    ["name", "Name", "full name", "שם", "שם מלא", '"שם"', "איש קשר"],
    ["notes", "Notes", "comments", "הערות"],
    ["city", "City", "עיר", "יישוב"],
    [undefined, "", "id", "phone type", "סוג טלפון", "הערות טלפון", "Email", "please phone me back at home tomorrow"],
  ];
  for (const [field, ...titles] of TITLES) {
    it(`knows titles of ${field ?? "nothing we need"}`, () => {
      for (const title of titles) assert.equal(fieldOf(title), field, title);
    });
  }
});

describe("findLayout", () => {
  it("goes by titles, mobiles before other phones", () => {
    assert.deepEqual(
      findLayout(
        [
          ["טלפון", "שם", "נייד", "עיר"],
          ["", "דנה", A, ""],
        ],
        "IL",
      ),
      {
        columns: { phone: [2, 0], name: 1, city: 3 },
        mapping: { phone: "נייד", other_phone: "טלפון", name: "שם", city: "עיר" },
        header: 0,
      },
    );
  });

  it("finds the titles below a heading", () => {
    assert.equal(findLayout([["לידים 2026"], ["שם", "טלפון"], ["דנה", A]], "IL")?.header, 1);
  });

  it("trusts a title even above numbers that are all wrong", () => {
    assert.deepEqual(findLayout([["phone"], ["123"]], "IL")?.columns, { phone: [0] });
  });

  it("goes by content without titles, and takes the first column of words for names", () => {
    const sample = [
      ["1", "דנה", A, "x"],
      ["2", "יוסי", "", "y"],
      ["3", "Avi", B, "z"],
    ];
    assert.deepEqual(findLayout(sample, "IL"), { columns: { phone: [2], name: 1 }, mapping: { phone: 3, name: 2 } });
  });

  it("knows a header whose phone title it has never seen", () => {
    assert.deepEqual(
      findLayout(
        [
          ["Nummer", "Name"],
          [A, "x"],
          [B, "y"],
        ],
        "IL",
      ),
      {
        columns: { phone: [0], name: 1 },
        mapping: { phone: "Nummer", name: "Name" },
        header: 0,
      },
    );
  });

  it("does not take a first row with a wrong number for a header", () => {
    assert.equal(findLayout([["050-2345678 דנה"], [A], [B]], "IL")?.header, undefined);
  });

  it("finds none where no column is mostly numbers", () => {
    assert.equal(
      findLayout(
        [
          ["a", "1"],
          ["b", A],
          ["c", "2"],
        ],
        "IL",
      ),
      undefined,
    );
    assert.equal(findLayout([], "IL"), undefined);
  });
});
