// What the console says, as its two languages' readers know it.
export interface Words {
  dir: string;
  signIn: string;
  token: string;
  start: string;
  atOnce: string;
  leftOut: RegExp;
  run: RegExp;
  progress: string;
  stop: string;
  keep: string;
  hangUp: string;
  stopped: string;
  audit: string;
  created: string;
  endedIt: string;
  runs: string;
  leads: string;
  search: string;
  selectPage: string;
  delete: string;
  deleteThese: string;
  deleteAll: string;
  hasCalls: string;
  deleted: string;
  callThese: string;
  openRun: string;
  cleanUp: string;
  nothingStuck: string;
  tooSoon: string;
  forceCancel: string;
  reconnecting: string;
  calls: string;
  settings: string;
  save: string;
  saved: string;
}

export const EN: Words = {
  dir: "ltr",
  signIn: "Sign in",
  token: "Access token",
  start: "Start calling",
  atOnce: "Calls at the same time",
  leftOut: /2 rows were left out/,
  run: /^Run \d+$/,
  progress: "Progress",
  stop: "Stop now",
  keep: "Keep calling",
  hangUp: "Also hang up live calls",
  stopped: "Stopped",
  audit: "Who did what, and when",
  created: "Created the run",
  endedIt: "Stopped the run",
  runs: "Runs",
  leads: "Leads",
  search: "Search by name or number",
  selectPage: "Select all on this page",
  delete: "Delete",
  deleteThese: "Delete these",
  deleteAll: "Delete all…",
  hasCalls: "A lead that has been called, or waits to be, cannot be deleted.",
  deleted: "1 lead was deleted.",
  callThese: "Call these",
  openRun: "Open the run",
  cleanUp: "Clean up stuck runs",
  nothingStuck: "Nothing was stuck.",
  tooSoon: "Stuck calls were cleaned up a moment ago.",
  forceCancel: "Cancel at once",
  reconnecting: "The live connection was lost.",
  calls: "Calls",
  settings: "Settings",
  save: "Save",
  saved: "Saved.",
};
export const HE: Words = {
  dir: "rtl",
  signIn: "כניסה",
  token: "אסימון גישה",
  start: "התחלת חיוג",
  atOnce: "שיחות בו-זמנית",
  leftOut: /2 שורות לא יובאו/,
  run: /^ריצה \d+$/,
  progress: "התקדמות",
  stop: "עצירה מיידית",
  keep: "להמשיך לחייג",
  hangUp: "לנתק גם שיחות פעילות",
  stopped: "נעצרה",
  audit: "מי עשה מה, ומתי",
  created: "יצירת הריצה",
  endedIt: "עצירת הריצה",
  runs: "ריצות",
  leads: "לידים",
  search: "חיפוש לפי שם או מספר",
  selectPage: "בחירת כל העמוד",
  delete: "מחיקה",
  deleteThese: "מחיקת הנבחרים",
  deleteAll: "מחיקת הכול…",
  hasCalls: "לא ניתן למחוק ליד שבוצעו אליו שיחות או שממתין לשיחה.",
  deleted: "ליד אחד נמחק.",
  callThese: "חיוג לנבחרים",
  openRun: "מעבר לריצה",
  cleanUp: "ניקוי ריצות תקועות",
  nothingStuck: "לא נמצאו ריצות תקועות.",
  tooSoon: "הניקוי בוצע ממש עכשיו.",
  forceCancel: "ביטול מיידי",
  reconnecting: "החיבור החי נותק.",
  calls: "שיחות",
  settings: "הגדרות",
  save: "שמירה",
  saved: "נשמר.",
};
