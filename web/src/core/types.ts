/** Shapes of what the server and the switch send. Ids are strings; times are ISO 8601 in UTC. */

export type Role =
  | "call_taker"
  | "dispatcher"
  | "supervisor"
  | "agency_desk"
  | "crew"
  | "administrator";

export interface Operator {
  operator_id: string;
  name: string;
  roles: Role[];
  unit_id: string | null;
  agency_id?: string | null;
}

/** Erasable texts of one row by their id; null once erased. */
export type Personal = Record<string, unknown>;

export interface Row<Body> {
  view: string;
  key: string;
  seq: number;
  body: Body;
  personal: Personal;
}

export interface FeedRow {
  view: string;
  key: string;
  seq: number;
  body: object | null;
  personal?: Personal | null;
}

export interface Batch {
  seq: number;
  now: string;
  rows: FeedRow[];
}

export interface Position {
  unit_id: string;
  lat: number;
  lon: number;
  at: string;
  speed_kmh: number | null;
  heading: number | null;
}

export type NumberStatus = "present" | "withheld" | "none";
export type Direction = "in" | "out";
export type CallState =
  | "begun"
  | "calling"
  | "ringing"
  | "queued"
  | "parked"
  | "offered"
  | "answered"
  | "held"
  | "ended"
  | "refused";

export interface Caller {
  number: string | null;
  display_name: string | null;
  source: string;
}

export interface CallerLocation {
  lat: number;
  lon: number;
  uncertainty_m: number | null;
  method?: string | null;
}

export interface Recording {
  recording_id: string;
  state: "recording" | "closed" | "failed" | "erased";
  sha256: string | null;
  duration_s: number | null;
  /** Whether the file was found to be what the log says; null until it was read again. */
  intact?: boolean | null;
  /** It failed at some time: it does not hold the whole call. */
  short?: boolean;
}

export type LineVerdict = "good" | "fair" | "bad";

/** How one leg's line sounds; live it is of the last seconds, in a row of its whole life. */
export interface LineView {
  /** `caller`, `seat` or a party's id. */
  leg: string;
  verdict: LineVerdict;
  /** What we hear of them, 1 to 4.4. */
  mos: number;
  /** Share of their packets that could not be played. */
  loss: number;
  jitter_ms: number;
  rtt_ms: number | null;
  /** Share of our packets that they missed; null as long as they do not tell. */
  their_loss: number | null;
  their_mos: number | null;
  /** The last minutes in spans of ten seconds, oldest first; absent with an older switch. */
  history?: LineSpan[];
}

/** How a leg's line was over ten seconds. */
export interface LineSpan {
  began: string;
  /** By its worst moment. */
  verdict: LineVerdict;
  mos: number;
  worst_mos: number;
  loss: number;
}

export interface CallBody extends Turn {
  call_id: string;
  state: CallState;
  arrived_at: string;
  answered_at: string | null;
  ended_at: string | null;
  trunk: string;
  number_status: NumberStatus;
  caller: string | null;
  location: string | null;
  test: boolean;
  offered_to: string | null;
  seat_id: string | null;
  operator_id: string | null;
  robot: boolean;
  on_hold: boolean;
  muted: boolean;
  /** No audio comes from the caller. */
  silent?: boolean;
  parties: { leg_id: string; address: string | null; state: "calling" | "joined" | "left" }[];
  /** `out`: we called; missing in rows of before. */
  direction?: Direction;
  callback_id?: string | null;
  outcome: "answered" | "abandoned" | "not-reached" | "refused" | null;
  ended_by: "caller" | "seat" | "party" | "failure" | "overflow" | null;
  refused_reason: string | null;
  call_class: string | null;
  wrapped_up_at: string | null;
  incident_ids: string[];
  recording: Recording | null;
  /** The node that has the call and its recording; empty where there is but one. */
  node: string;
  /** Whether the recording is kept whatever its age. */
  legal_hold?: boolean;
  keys: string;
  /** Missing in rows that were stored before there was one. */
  lane?: Lane;
  /** Missing in rows that were stored before lines were measured. */
  lines?: LineView[];
  /** The place where it is parked. */
  slot?: number | null;
  /** The seat where it is to ring, sent on by another. */
  to_seat_id?: string | null;
  /** Since when it is parked or on its way to a seat; missing in rows that were stored before. */
  aside_since?: string | null;
  /** A transfer's target rings. */
  transferring?: boolean;
  /** Its last seat left it to parties; it goes on without one. */
  handed_over?: boolean;
}

/** `slow`: in the slow lane, or gone from it; `key`, `waited`: how it was left; `sampled`: let by. */
export type Lane = "" | "slow" | "key" | "waited" | "sampled";

/** A supervisor's measure on a number: its calls wait in the slow lane. */
export interface MeasureBody {
  measure_id: string;
  number: string | null;
  reason: string;
  remarks: string | null;
  set_by: string | null;
  set_at: string | null;
  until: string | null;
  review_by: string | null;
  reviewed_by: string | null;
  reviewed_at: string | null;
  ended_at: string | null;
  ended_by: string | null;
  end_reason: string | null;
  /** When it was set, and what it stood on. */
  score: number;
  counted: Record<string, number>;
}

/** One call in vain. */
export interface LostCall {
  call_id: string;
  at: string;
  cause: "hung-up" | "failure" | "silent" | "asked";
  waited_s: number;
  keys: number;
  near: string | null;
  night: boolean;
  location: string | null;
}

/** One call of ours. */
export interface CallBackAttempt {
  call_id: string;
  seat_id: string;
  operator_id: string;
  automatic: boolean;
  at: string;
  ended_at: string | null;
  /** `reached`, or why not. */
  result: string | null;
  status: number | null;
}

/** Where a caller's own telephone says that it is. */
export interface CallerPlace {
  lat: number;
  lon: number;
  /** Radius; null where the telephone does not say. */
  accuracy_m: number | null;
}

/** One word of a caller on their own page. */
export interface CallerSaid {
  word: "call-me" | "cannot-speak" | "no-longer-needed" | "text" | "location";
  at: string;
  text: string | null;
  location: string | null;
}

/** A caller who could not be answered, until an outcome says what became of them. */
export interface CallBackBody {
  callback_id: string;
  state: "open" | "closed";
  opened_at: string;
  closed_at: string | null;
  caller: string | null;
  number_status: NumberStatus;
  /** Whether there is a number that can be called. */
  dialable: boolean;
  location: string | null;
  calls: LostCall[];
  attempts: CallBackAttempt[];
  /** Our call that is under way. */
  calling: string | null;
  risk: number;
  reasons: { code: string; points: number }[];
  /** Nobody called within the promised time. */
  overdue: boolean;
  message: "none" | "sent" | "failed";
  said: CallerSaid[];
  /** The last of their wishes on that page; null where they said none. */
  wish: "call-me" | "cannot-speak" | "no-longer-needed" | null;
  outcome: string | null;
  outcome_by: string | null;
  incident_id: string | null;
  answered_call_id: string | null;
  note: string | null;
  reason: string | null;
  reopened: number;
  call_back_s: number | null;
  outcome_s: number | null;
}

export interface Place {
  lat: number;
  lon: number;
  label: string;
  detail: string;
  ward_code?: string | null;
  source: "gazetteer" | "map" | "coordinates" | "caller";
}

export interface Report {
  summary: string;
  caller_name: string;
  access_notes: string;
  people: unknown[];
}

export interface IncidentUnit {
  unit_id: string;
  state: UnitState;
  dispatched_at: string;
  ack_due_at: string | null;
  acknowledged_at: string | null;
  ack_overdue: boolean;
  /** Missing in rows that were stored before crews reported it. */
  reached?: Milestone[];
  /** Who could go instead, while overdue. */
  proposed_unit_id?: string | null;
  released_at: string | null;
}

export interface IncidentBody {
  incident_id: string;
  number: string;
  state: "open" | "closed";
  opened_at: string;
  closed_at: string | null;
  category: string;
  priority: number;
  place: string | null;
  ward_code: string | null;
  injured: number | null;
  hazards: string[];
  report: string | null;
  call_ids: string[];
  units: IncidentUnit[];
  notify: string[];
  notes: { at: string; operator_id: string; note: string }[];
  disposition: string | null;
  remarks: string | null;
  reopened: number;
  opened_by: string;
}

export type UnitState =
  | "available"
  | "dispatched"
  | "acknowledged"
  | "en_route"
  | "on_scene"
  | "transporting"
  | "at_hospital"
  | "out_of_service";

/** What a crew reports from the scene without its unit moving. */
export type Milestone = "access" | "work";

export interface UnitBody {
  unit_id: string;
  agency_id: string;
  station_id: string | null;
  kind: string;
  callsign: string;
  state: UnitState;
  incident_id: string | null;
  since: string | null;
  reason: string | null;
  operators: string[];
}

export type SeatState =
  | "free"
  | "not_ready"
  | "ready"
  | "offered"
  | "busy"
  | "supervising"
  | "vanished";

export interface SeatBody {
  seat_id: string;
  kind: "browser" | "sip";
  operator_id: string | null;
  state: SeatState;
  reason: string | null;
  call_id: string | null;
  robot: boolean;
  since: string | null;
  /** When wrap-up ends by itself. */
  ready_at?: string | null;
  /** Whose seat it is; missing in rows that were stored before it was told. */
  desk?: "taker" | "supervisor" | "agency-desk";
  /** Codes of the languages that are spoken there. */
  languages?: string[];
  agency_id?: string | null;
}

/** Whether callers hear a recorded notice; one row. */
export interface SurgeBody {
  surge_id: string;
  notice: string | null;
  since: string | null;
  operator_id: string | null;
}

/** A recorded notice that can be switched on, or what is wrong with its file. */
export interface Notice {
  name: string;
  duration_s: number;
  fault: string | null;
}

/** A line to the telephone network. */
export interface TrunkBody {
  trunk: string;
  state: "up" | "down" | "removed";
  since: string | null;
  status: number | null;
}

/** The views a console reads, by name. */
/** What the watch found; see page /telephone. */
export interface FindingBody {
  finding_id: string;
  code: string;
  about: string;
  state: "open" | "accepted" | "closed";
}

export interface Bodies {
  call: CallBody;
  incident: IncidentBody;
  unit: UnitBody;
  seat: SeatBody;
  trunk: TrunkBody;
  callback: CallBackBody;
  measure: MeasureBody;
  finding: FindingBody;
  surge: SurgeBody;
}
export type ViewName = keyof Bodies;

/** Anything with a code and its name in both languages. */
export interface Named {
  code: string;
  name_id: string;
  name_en: string;
}

export interface Category extends Named {
  group: string;
  default_priority: number;
}

export interface Agency {
  agency_id: string;
  name: string;
  short_name?: string;
  phone?: string | null;
  dial?: string | null;
}

export interface Facility {
  id: string;
  name: string;
  lat: number | null;
  lon: number | null;
  placeholder: boolean;
}

export interface City {
  code: string;
  name: string;
  /** IANA name. */
  zone: string;
  /** As people write it, such as WIT. */
  zone_label?: string;
  number: string;
  /** West, south, east, north. */
  bbox: [number, number, number, number];
  /** Longitude, latitude. */
  center: [number, number];
  attribution: string[];
  pack_version: string;
}

export interface Recommendation {
  units: {
    unit_id: string;
    agency_id: string;
    kind: string;
    travel_s: number | null;
    distance_m: number | null;
    for: string | null;
    recommended: boolean;
    /** Sending it must be explained. */
    needs_reason?: boolean;
    reasons: string[];
  }[];
  needs: { agency_id: string | null; kind: string; count: number; met: number | boolean }[];
  notify: string[];
}

export interface FoundPlace {
  place_id: string;
  name: string;
  kind: string;
  ward_code: string | null;
  ward: string | null;
  district: string | null;
  lat: number;
  lon: number;
  match?: string | number;
  verified: boolean;
}

export interface PlaceAt {
  ward_code: string | null;
  ward: string | null;
  district: string | null;
  nearest_road: string | null;
  in_region: boolean;
}

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

export interface PhoneOffer {
  call_id: string;
  arrived_at: string;
  number: string | null;
  number_status: NumberStatus;
  location: CallerLocation | null;
  /** `out`: accepting it calls this number back. */
  direction?: Direction;
  callback_id?: string | null;
}

export type GhostQuestion = "cannot-speak" | "police" | "medical" | "fire" | "come";

/** The keys' conversation with a caller who does not speak. */
export interface Ghost {
  /** Asked and not answered yet. */
  question: GhostQuestion | null;
  answers: { question: GhostQuestion; answer: "yes" | "no" }[];
  /** From then on the call may be ended as silent. */
  listen_until: string;
}

export interface PhoneCall {
  call_id: string;
  answered_at: string | null;
  number: string | null;
  number_status: NumberStatus;
  on_hold: boolean;
  muted: boolean;
  parties: { leg_id: string; address: string; state: "calling" | "joined" | "left" }[];
  /** Parties that are not there although they were called, the latest first. */
  gone?: GoneParty[];
  /** Missing from a switch of before lines were measured. */
  lines?: LineView[];
  location: CallerLocation | null;
  direction?: Direction;
  /** A call of ours rings before it is live. */
  state?: "calling" | "ringing" | "live";
  callback_id?: string | null;
  ghost?: Ghost | null;
  /** A transfer whose target has not answered. */
  transfer?: { kind: "blind" | "warm" | "refer"; target: string; to_seat: boolean; since: string } | null;
  /** Null when only parties talk with the caller. */
  seat_id?: string | null;
  operator_name?: string | null;
  /** Supervisors that the seat is to know of. */
  supervisors?: SupervisionMode[];
}

export interface GoneParty {
  address: string;
  reason: "refused" | "no-answer" | "failed";
  /** Of SIP, where the far end or the network gave one. */
  status: number | null;
  at: string;
}

/** Hears all, heard by nobody; heard by the seat alone; heard by all. */
export type SupervisionMode = "listen" | "whisper" | "barge";

/** A call that waits for certain seats first: parked, or on its way to a seat. */
export interface SetAside {
  call_id: string;
  number: string | null;
  number_status: NumberStatus;
  seat_id: string;
  since: string;
  slot: number | null;
  to_seat_id: string | null;
}

/** A caller who waits; in the order in which they will be offered. */
export interface QueueEntry extends Turn {
  call_id: string;
  arrived_at: string;
  number: string | null;
  number_status: NumberStatus;
  trunk: string;
  lane?: "normal" | "slow";
}

/** What decides a waiting caller's turn. */
export interface Turn {
  /** 0 (ordinary) to 9. */
  precedence?: number;
  precedence_reason?: string | null;
  language?: string | null;
  agency_id?: string | null;
  /** Who takes part because it waits for long: supervisors, agency-desks, number. */
  overflow?: readonly string[];
  requeued?: boolean | number;
  /** Ready seats are kept for another trunk group, at most until then. */
  held_back_until?: string | null;
}

/** Who waits and who talks, as the switch says; sent with the feed to supervisors, once a second. */
export interface LiveBoard {
  now: string;
  /** The node whose switch this is; empty where there is but one. */
  node: string;
  /** The switch does not answer the server. */
  away: boolean;
  queue: QueueEntry[];
  /** Every live call, the oldest first. */
  calls: PhoneCall[];
}

/** The whole truth of one seat, pushed by the switch on every change and every 5 s. */
export interface SeatPush {
  now: string;
  seat: {
    seat_id: string;
    operator_id: string;
    state: SeatState;
    reason: string | null;
    since: string;
    media: "connected" | "connecting" | "down";
    /** When wrap-up ends by itself; null: not before the operator says so. */
    wrap_up_until?: string | null;
  };
  queue: QueueEntry[];
  offer: PhoneOffer | null;
  call: PhoneCall | null;
  seats_ready: number;
  /** Codes of what is wrong with telephony right now. */
  alarms: string[];
  /** Names of trunks that do not answer. */
  trunks_down?: string[];
  waiting?: SetAside[];
  /** Every live call; for supervisors only. */
  live?: PhoneCall[];
  supervision?: { call_id: string; mode: SupervisionMode; since: string } | null;
  gateways?: { name: string; registered: boolean }[];
  /** The recorded notice that callers hear, if one is switched on. */
  surge?: { notice: string; since: string; operator_id: string } | null;
}
