/** Moving about the screen, and leaving it. */

import { may } from "../rights";
import { focus, open, type Action, type Effect } from "./action";

const screen = (name: string, key: string, effect: Effect): Action => ({
  name,
  keys: [key],
  group: "screen",
  effect: () => effect,
});

export const SCREEN_ACTIONS: readonly Action[] = [
  screen("palette", "Ctrl+K", open({ open: "palette" })),
  screen("keys", "F1", open({ open: "keys" })),
  screen("next-incident", "j", open({ open: "step", by: 1 })),
  screen("previous-incident", "k", open({ open: "step", by: -1 })),
  screen("go-incidents", "Alt+I", focus("incident-list")),
  screen("go-units", "Alt+U", focus("unit-board")),
  {
    name: "go-noise",
    keys: ["Alt+E"],
    group: "screen",
    effect: ({ roles }) => (may(roles, ["supervisor"]) ? focus("noise-pane") : null),
  },
  {
    name: "undo",
    keys: ["z"],
    group: "screen",
    effect: ({ undo }) => (undo ? open({ open: "undo" }) : null),
  },
  screen("map", "Alt+M", open({ open: "map" })),
  screen("language", "Alt+G", open({ open: "language" })),
  {
    name: "accounts",
    keys: ["Alt+A"],
    group: "screen",
    effect: ({ roles }) =>
      may(roles, ["administrator"]) ? open({ open: "address", address: "/admin" }) : null,
  },
  {
    name: "telephone",
    keys: ["Alt+H"],
    group: "screen",
    effect: ({ roles }) =>
      may(roles, ["supervisor", "administrator"]) ? open({ open: "address", address: "/telephone" }) : null,
  },
  {
    name: "sign-off",
    keys: ["Alt+Q"],
    group: "screen",
    effect: ({ phone: { push } }) => (push?.call ? null : open({ open: "sign-off" })),
  },
];
