/** Who works here. */

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
