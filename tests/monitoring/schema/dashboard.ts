// SPDX-License-Identifier: Apache-2.0
//
// Grafana's own types of a dashboard, of panels and of a query to Prometheus, as they are in JSON: words for enums, no
// methods, and nothing that has to be there, since Grafana fills in what isn't.
import type * as bargauge from "@grafana/grafana-foundation-sdk/bargauge";
import type * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import type * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import type * as stat from "@grafana/grafana-foundation-sdk/stat";
import type * as table from "@grafana/grafana-foundation-sdk/table";
import type * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import type * as units from "@grafana/grafana-foundation-sdk/units";

type Method = (...parameters: never[]) => unknown;
type IsAny<T> = 0 extends 1 & T ? true : false;

export type Json<T> =
  IsAny<T> extends true
    ? any
    : T extends string
      ? `${T}`
      : T extends readonly (infer Each)[]
        ? Json<Each>[]
        : T extends object
          ? { [Key in keyof T as T[Key] extends Method ? never : Key]?: Json<T[Key]> }
          : T;

/** What each kind of panel that we use may be told. */
interface Kinds {
  bargauge: { options: bargauge.Options; custom: Record<string, never> };
  stat: { options: stat.Options; custom: Record<string, never> };
  table: { options: table.Options; custom: table.FieldConfig };
  timeseries: { options: timeseries.Options; custom: timeseries.FieldConfig };
}

type FieldConfig<Kind extends keyof Kinds> = Omit<Json<dashboard.FieldConfig>, "custom" | "unit"> & {
  unit?: (typeof units)[keyof typeof units];
  custom?: Json<Kinds[Kind]["custom"]>;
};

export type Panel<Kind extends keyof Kinds> = Omit<
  Json<dashboard.Panel>,
  "type" | "options" | "fieldConfig" | "targets"
> & {
  type: Kind;
  options?: Json<Kinds[Kind]["options"]>;
  fieldConfig?: Omit<Json<dashboard.FieldConfigSource>, "defaults"> & { defaults: FieldConfig<Kind> };
  targets?: Json<prometheus.Dataquery>[];
};

export type Row = Json<dashboard.RowPanel>;

export type Board = Json<dashboard.Dashboard>;
