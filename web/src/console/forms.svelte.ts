/** Report forms: one open, others waiting; each keystroke kept; sent ones come back if refused. */

import { Drafts } from "../core/drafts";
import type { Entry } from "../core/outbox";
import { amendBody, emptyReport, incidentBody, isBlank, missingIn, reportOf, type Missing, type ReportDraft } from "../core/report";
import type { Row } from "../core/types/feed";
import type { IncidentBody } from "../core/types/incident";
import type { Desk } from "./desk.svelte";

const OPEN_KEPT_AS = "tahuri.open-form";

function kept(): string | null {
  try {
    return localStorage.getItem(OPEN_KEPT_AS) || null;
  } catch {
    return null;
  }
}

export interface Form {
  key: string;
  draft: ReportDraft;
}

export class Forms {
  list = $state.raw<Form[]>([]);
  #openKey = $state<string | null>(kept());
  /** What the last try to send found missing, by form. */
  missing = $state.raw<{ key: string; fields: Missing[] } | null>(null);
  readonly #desk: Desk;
  readonly #drafts: Drafts<ReportDraft>;

  constructor(desk: Desk) {
    this.#desk = desk;
    let storage: Storage | null = null;
    try {
      storage = localStorage;
    } catch {
      // Drafts then live at the server only.
    }
    this.#drafts = new Drafts<ReportDraft>(desk.operator.operator_id, storage);
    this.#restore();
  }

  /** What was typed on another PC joins what was typed here. */
  async load(): Promise<void> {
    await this.#drafts.load();
    this.#restore();
  }

  /** Every draft is shown as it was typed last; forms in which nothing was typed yet stay. */
  #restore(): void {
    const drafts = this.#drafts.all();
    const restored = drafts.map(({ key, content }) => ({
      key,
      draft: { ...emptyReport(null), ...content },
    }));
    const untouched = this.list.filter(({ key }) => !drafts.some((draft) => draft.key === key));
    this.list = [...restored, ...untouched];
  }

  get openKey(): string | null {
    return this.#openKey;
  }

  /** Which form is open also outlives a reload. */
  set openKey(key: string | null) {
    this.#openKey = key;
    try {
      localStorage.setItem(OPEN_KEPT_AS, key ?? "");
    } catch {
      // After a reload the form is found among the waiting ones.
    }
  }

  get open(): Form | null {
    return this.list.find((form) => form.key === this.openKey) ?? null;
  }

  /** Whether the open form corrects an incident of which nothing has been heard yet. */
  get unknown(): boolean {
    const incident_id = this.open?.draft.incident_id ?? null;
    return incident_id !== null && this.#desk.row("incident", incident_id) === null;
  }

  /** Forms that have not been sent. */
  get waiting(): Form[] {
    return this.list.filter(({ key }) => this.entryOf(key)?.state !== "waiting");
  }

  entryOf(key: string): Entry | null {
    return this.#desk.entries.findLast((entry) => entry.draft === key) ?? null;
  }

  /** The form of a call, made when it is answered; a further one where the first was sent. */
  openForCall(call_id: string | null, another = false): void {
    const start = call_id === null ? "report.new" : `report.${call_id}`;
    const known = this.waiting.find(({ key }) => key === start || key.startsWith(`${start}.`));
    if (known) {
      this.openKey = known.key;
      return;
    }
    const taken = this.list.some(({ key }) => key === start);
    this.#add(another || taken ? `${start}.${Date.now().toString(36)}` : start, emptyReport(call_id));
  }

  openForIncident(row: Row<IncidentBody>): void {
    const key = `amend.${row.key}`;
    if (this.list.some((form) => form.key === key)) this.openKey = key;
    else this.#add(key, reportOf(row));
  }

  change(change: Partial<ReportDraft>): void {
    const form = this.open;
    if (!form) return;
    const draft = { ...form.draft, ...change };
    this.list = this.list.map((each) => (each.key === form.key ? { key: form.key, draft } : each));
    this.#drafts.keep(form.key, draft);
    if (this.missing?.key === form.key) {
      const fields = missingIn(draft).filter((field) => this.missing?.fields.includes(field));
      this.missing = fields.length > 0 ? { key: form.key, fields } : null;
    }
  }

  /** Throw the open form away; what brings it back. */
  discard(): (() => void) | null {
    const form = this.open;
    if (!form) return null;
    this.drop(form.key);
    return isBlank(form.draft)
      ? null
      : () => {
          this.#add(form.key, form.draft);
          this.#drafts.keep(form.key, form.draft);
        };
  }

  /** Put a form away without a word; it was sent, or was blank. */
  drop(key: string): void {
    this.list = this.list.filter((form) => form.key !== key);
    this.#drafts.drop(key);
    if (this.openKey === key) this.openKey = null;
  }

  dropBlank(call_id: string): void {
    for (const { key, draft } of this.list) {
      if (draft.call_id === call_id && isBlank(draft)) this.drop(key);
    }
  }

  /** Send the open form; false if it cannot be sent as it is. Refusals bring it back by themselves. */
  submit(): boolean {
    const form = this.open;
    if (!form || this.entryOf(form.key)?.state === "waiting") return false;
    const fields = missingIn(form.draft);
    this.missing = fields.length > 0 ? { key: form.key, fields } : null;
    if (fields.length > 0) return false;
    const refused = this.entryOf(form.key);
    if (refused?.state === "refused") this.#desk.outbox.dismiss(refused.id);
    const { draft, key } = form;
    if (draft.incident_id !== null) return this.#amend(key, draft, draft.incident_id);
    const category = this.#desk.reference.categories.find(({ code }) => code === draft.category);
    void this.#desk.outbox.send({
      path: "/api/incidents",
      body: incidentBody(draft, category?.default_priority ?? 2),
      label: "command.report",
      subject: draft.call_id ?? key,
      draft: key,
    });
    this.openKey = null;
    return true;
  }

  #amend(key: string, draft: ReportDraft, incident_id: string): boolean {
    const row = this.#desk.rows.get("incident", incident_id);
    // What it says now has not come yet: nothing can be compared, and nothing is thrown away.
    if (!row) return false;
    const body = amendBody(draft, row);
    if (!body) {
      this.drop(key);
      return true;
    }
    const path = `/api/incidents/${incident_id}/amend`;
    void this.#desk.outbox.send({ path, body, label: "command.amend", subject: incident_id, draft: key });
    this.openKey = null;
    return true;
  }

  #add(key: string, draft: ReportDraft): void {
    this.list = [...this.list, { key, draft }];
    this.openKey = key;
  }
}
