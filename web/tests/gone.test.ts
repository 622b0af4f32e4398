import { expect, test } from "vitest";
import { goneWhy } from "../src/core/gone";

test.each([
  ["refused", 486, "busy"],
  ["refused", 600, "busy"],
  ["refused", 603, "declined"],
  ["refused", 403, "declined"],
  ["refused", 404, "unknown"],
  ["refused", 484, "unknown"],
  ["refused", 488, "no-sound"],
  ["failed", 488, "no-sound"],
  ["refused", 503, "network"],
  ["no-answer", 480, "no-answer"],
  ["no-answer", null, "no-answer"],
  ["failed", null, "broken"],
  ["refused", null, "declined"],
] as const)("a party that is gone by %s and %s: %s", (reason, status, why) => {
  expect(goneWhy({ reason, status })).toBe(why);
});
