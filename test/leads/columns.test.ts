import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { findLayout } from "../../src/leads/columns.ts";
import { fieldOf } from "../../src/leads/headers.ts";
import { assertQuick, LONG } from "../support/quick.ts";

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
    [
      undefined,
      "",
      "id",
      "phone type",
      "סוג טלפון",
      "הערות טלפון",
      "Phone 1 - Label",
      "Email",
      "אין טלפון",
      "no phone",
      "please phone me back at home tomorrow",
    ],
  ];
  for (const [field, ...titles] of TITLES) {
    it(`knows titles of ${field ?? "nothing we need"}`, () => {
      for (const title of titles) assert.equal(fieldOf(title)?.field, field, title);
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

  describe("of several phone columns takes the lead's own", () => {
    const ROWS: [titles: string, phone: number[]][] = [
      ["Name,Phone,Agent mobile", [1]],
      ["Agent Phone,Name,Phone", [2]],
      ["שם,טלפון,נייד סוכן", [1]],
      ["טלפון אמא,שם,נייד", [2]],
      ["Name,Cell,Emergency contact mobile,Spouse cell", [1]],
      ["Name,Phone,Showroom mobile", [1]],
      ["Name,Agent mobile,Customer phone line", [2]],
      ["Name,Agent mobile,Contact telephone", [2]],
      ["שם הילד,טלפון אמא,טלפון אבא", [1, 2]], // nobody else's: these are who is to be called
      ["First Name,Phone 1 - Label,Phone 1 - Value,Phone 2 - Value", [2, 3]], // Google Contacts
      ["First Name,Assistant's Phone,Business Phone,Home Phone,Mobile Phone,Other Phone,Home Fax", [4, 2, 3, 5]], // Outlook
      ["First Name,Phone Number,Mobile Phone Number,WhatsApp Phone Number", [2, 1, 3]], // HubSpot
      ["Person - Name,Person - Phone - Work,Person - Phone - Mobile", [2, 1]], // Pipedrive
      ["Name,Phone,Mobile,Asst Phone,Home Phone,Other Phone", [2, 1, 4, 5]], // Salesforce, Zoho
      ["full_name,phone_number,work_phone_number", [1, 2]], // Facebook
      ["שם,טל. נייד,טלפון בעבודה,טלפון נוסף", [1, 2, 3]],
      ["שם לקוח,נייד לקוח,טלפון לקוח,נייד סוכן", [1, 2]],
      ["שם,מספר טלפון נייד,טלפון", [1, 2]],
    ];
    for (const [titles, phone] of ROWS) {
      it(titles, () => assert.deepEqual(findLayout([titles.split(",")], "IL")?.columns.phone, phone));
    }
  });

  it("finds the titles below a heading", () => {
    assert.equal(findLayout([["לידים 2026"], ["שם", "טלפון"], ["דנה", A]], "IL")?.header, 1);
  });

  const HEADINGS: [what: string, sample: string[][], header: number | undefined, phone: number[]][] = [
    ["a heading that says phone", [["Phone list"], ["Name", "Phone"], ["Dana", A]], 1, [1]],
    ["a heading in Hebrew", [["ספר טלפון"], ["שם", "נייד"], ["", ""], ["דנה", A]], 1, [1]],
    ["a heading above the numbers", [["Phone list"], ["Mobile", "Name"], [A, "Dana"]], 1, [0]],
    ["a heading above a single column", [["Phone list"], ["Phone"], [A]], 1, [0]],
    [
      "a heading of one word",
      [
        ["", "Phone"],
        ["Name", "Mobile"],
        ["Dana", A],
      ],
      1,
      [1],
    ],
    ["a heading above wrong numbers", [["Phone list"], ["Name", "Phone"], ["Dana", "123"]], 1, [1]],
    [
      "a word that looks like a title in the data",
      [
        ["Phone", "Notes"],
        ["", "phone"],
        [A, ""],
      ],
      0,
      [0],
    ],
    [
      "a note in the first row of data",
      [
        ["דנה", "אין טלפון"],
        ["אבי", A],
        ["נועה", B],
      ],
      undefined,
      [1],
    ],
    [
      "a note and no heading",
      [
        ["אין טלפון", "דנה"],
        [A, "אבי"],
      ],
      undefined,
      [0],
    ],
  ];
  for (const [what, sample, header, phone] of HEADINGS) {
    it(`is not misled by ${what}`, () => {
      const found = findLayout(sample, "IL");
      assert.deepEqual([found?.header, found?.columns.phone], [header, phone]);
    });
  }

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

  it("takes no column for names that is mostly numbers, words with numbers, or signs", () => {
    const sample = [
      ["x1", "2", "-", "", A, "דנה 😀"],
      ["y½", "3", "!", "", B, "Avi"],
    ];
    assert.equal(findLayout(sample, "IL")?.columns.name, 5);
  });

  it("reads a cell of any length once", () => {
    for (const cell of [`${"a".repeat(LONG)}1`, `${"1".repeat(LONG)}a`, " ".repeat(LONG), "-a".repeat(LONG)])
      assertQuick(cell.slice(0, 3), () =>
        findLayout(
          [
            [A, cell],
            [B, cell],
          ],
          "IL",
        ),
      );
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

  it("prefers what is written like a phone number to digits that could be one", () => {
    const companies = [
      ["513456789", "Acme", "03-6123456"],
      ["514567890", "Best", "036123457"],
      ["515678901", "Cove", ""],
    ];
    assert.deepEqual(findLayout(companies, "IL")?.columns, { phone: [2], name: 1 });
    assert.deepEqual(findLayout([["502345678", "Dana"]], "IL")?.columns, { phone: [0], name: 1 });
  });

  const UNDECIDED: string[][][] = [
    [["050-2345678", "Dana", "052-3456789"]],
    [["513456789", "Acme", "502345678"]],
    [
      ["Dana", "050-2345678", "052-3456789"],
      ["Avi", "050-2345679", ""],
    ],
  ];
  for (const sample of UNDECIDED) {
    it(`does not guess between ${sample.join(" and ")}`, () => assert.equal(findLayout(sample, "IL"), undefined));
  }

  it("lets a column that is hardly filled not stand in the way", () => {
    const sample = [
      ["Dana", "050-2345678", "03-6123456"],
      ["Avi", "050-2345679", ""],
      ["Noa", "050-2345680", ""],
    ];
    assert.deepEqual(findLayout(sample, "IL")?.columns, { phone: [1], name: 0 });
  });

  it("takes no date for a phone number", () => {
    assert.deepEqual(
      findLayout(
        [
          ["Leads report", "2024-01-15"],
          ["Name", "Phone"],
          ["Dana", A],
        ],
        "IL",
      )?.header,
      1,
    );
    const untitled = [
      ["תאריך", "שם", "Contact"],
      ["25/03/2024", "דנה", "0502345678"],
      ["26/03/2024", "אבי", ""],
    ];
    assert.deepEqual(findLayout(untitled, "IL")?.columns, { phone: [2], name: 1 });
  });

  it("does not call a column of numbers a name, whatever its title", () => {
    assert.deepEqual(
      findLayout(
        [
          ["Contact", "City"],
          [A, "Haifa"],
        ],
        "IL",
      )?.columns,
      { phone: [0], city: 1 },
    );
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
