/** What happened, in order, and how long it took. */

export interface TimelineEntry {
  seq: number;
  at: string;
  type: string;
  actor_name: string | null;
  /** How long after `at` it was recorded, where that is worth saying. */
  late_s?: number | null;
  text_id: string;
  text_en: string;
  stream: string;
}

/** Seconds; null while it has not happened. */
export interface Clocks {
  answer_s: number | null;
  processing_s: number | null;
  response_s: number | null;
  action_s: number | null;
  closed_s: number | null;
  call_back_s?: number | null;
  outcome_s?: number | null;
  /** Clocks without a length because the clocks that told of their ends disagree. */
  doubtful: string[];
  units: UnitClocks[];
}

export interface UnitClocks {
  unit_id: string;
  acknowledge_s: number | null;
  turnout_s: number | null;
  travel_s: number | null;
  access_s: number | null;
  setup_s: number | null;
  on_scene_s: number | null;
  doubtful: string[];
}

export interface Timeline {
  entries: TimelineEntry[];
  clocks: Clocks;
}
