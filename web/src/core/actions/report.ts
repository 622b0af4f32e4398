/** Writing down what callers say. */

import { mayReport } from "../rights";
import { focus, open, type Action, type Effect } from "./action";

const onForm = (name: string, key: string, effect: Effect): Action => ({
  name,
  keys: [key],
  group: "report",
  effect: ({ reporting }) => (reporting ? effect : null),
});

export const REPORT_ACTIONS: readonly Action[] = [
  onForm("go-place", "Alt+L", focus("place-search")),
  onForm("go-category", "Alt+K", focus("category")),
  onForm("go-summary", "Alt+S", focus("summary")),
  onForm("pick-on-map", "Alt+P", open({ open: "pick" })),
  ...[1, 2, 3, 4].map((priority) =>
    onForm(`priority-${priority}`, `Alt+${priority}`, open({ open: "priority", priority })),
  ),
  onForm("submit-report", "Ctrl+Enter", open({ open: "submit" })),
  {
    name: "new-report",
    keys: ["Alt+B"],
    group: "report",
    effect: ({ roles, reporting }) =>
      mayReport(roles) && !reporting ? open({ open: "new-report" }) : null,
  },
  {
    name: "link-call",
    keys: ["Alt+T"],
    group: "report",
    effect: ({ roles, call, incident }) =>
      mayReport(roles) &&
      call &&
      incident?.state === "open" &&
      !call.incident_ids.includes(incident.incident_id)
        ? {
            do: "send",
            command: {
              path: `/api/calls/${call.call_id}/link`,
              body: { incident_id: incident.incident_id },
              label: "command.link",
              subject: call.call_id,
            },
          }
        : null,
  },
  {
    name: "set-call-class",
    keys: ["Alt+C"],
    group: "report",
    effect: ({ call }) => (call && call.wrapped_up_at === null ? focus("call-class") : null),
  },
  {
    name: "wrap-up",
    keys: ["Alt+W"],
    group: "report",
    effect: ({ call }) =>
      call?.state === "ended" && call.call_class !== null && call.wrapped_up_at === null
        ? {
            do: "send",
            command: {
              path: `/api/calls/${call.call_id}/wrap-up`,
              body: {},
              label: "command.wrap-up",
              subject: call.call_id,
            },
          }
        : null,
  },
];
