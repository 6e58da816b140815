// What the carrier calls, health, and this document.
import * as answers from "../answers.ts";
import { ok, type Operation } from "../operation.ts";

const form = { "application/x-www-form-urlencoded": { type: "object", additionalProperties: { type: "string" } } };

const CONSOLE_FILES = ["text/javascript", "text/css", "image/svg+xml"];

export const REST: readonly Operation[] = [
  {
    route: "POST /webhooks/twilio/status",
    id: "callStatus",
    tag: "carrier",
    summary: "News of a call",
    access: "carrier",
    body: form,
    answers: { 204: { is: "Stored, or of no interest" } },
    problems: ["request.malformed", "request.too_large"],
  },
  {
    route: "POST /webhooks/twilio/voice",
    id: "callWords",
    tag: "carrier",
    summary: "What an answered call says",
    access: "carrier",
    body: form,
    answers: { 200: { is: "TwiML", media: "text/xml" } },
    problems: ["request.too_large"],
  },
  {
    route: "GET /livez",
    id: "isAlive",
    tag: "operation",
    summary: "Whether the process lives",
    access: "public",
    answers: ok("It does", answers.Alive),
  },
  {
    route: "GET /readyz",
    id: "isReady",
    tag: "operation",
    summary: "Whether it may be sent requests",
    description:
      "503 when the database does not answer, lacks migrations, or the connection for live changes is down. No live worker " +
      "(`workers: 0`) is no reason: stop and cancel work without one, and must stay within reach.",
    access: "public",
    answers: ok("It may", answers.Ready),
    problems: ["database.unavailable", "database.outdated", "events.unavailable"],
  },
  {
    route: "GET /metrics",
    id: "getMetrics",
    tag: "operation",
    summary: "Figures for Prometheus",
    access: "public",
    answers: { 200: { is: "The text format", media: "text/plain" } },
  },
  {
    route: "GET /openapi.json",
    id: "getDocument",
    tag: "operation",
    summary: "This document",
    access: "public",
    answers: { 200: { is: "OpenAPI 3.1", media: "application/json" } },
  },
  {
    route: "GET /docs",
    id: "readDocument",
    tag: "operation",
    summary: "This document as a page",
    access: "public",
    answers: { 200: { is: "The page", media: "text/html" } },
  },
  {
    route: "GET /docs/:file",
    id: "getDocsFile",
    tag: "operation",
    summary: "What the page loads",
    access: "public",
    answers: { 200: { is: "A script or style sheet", media: ["text/javascript", "text/css"] } },
    problems: ["route.not_found"],
  },
  {
    route: "GET /console",
    id: "openConsole",
    tag: "operation",
    summary: "The web console",
    access: "public",
    answers: { 200: { is: "The page", media: "text/html" } },
  },
  {
    route: "GET /console/:name",
    id: "getConsoleFile",
    tag: "operation",
    summary: "What the console loads",
    access: "public",
    answers: { 200: { is: "A script, style sheet or picture", media: CONSOLE_FILES } },
    problems: ["route.not_found"],
  },
];
