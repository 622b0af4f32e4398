/** The city on a canvas: no tiles, no WebGL, nothing from another host. Leaflet stays behind this. */

import "leaflet/dist/leaflet.css";
import "../ui/map.css";
import L from "leaflet";
import type { Feature, FeatureCollection, LineString, MultiLineString } from "geojson";
import {
  COLOURS,
  LABELS,
  PRIORITY_COLOURS,
  ROAD_NAMES_MAX,
  roadStyle,
  roadWidth,
  UNIT_COLOURS,
  type RoadStyle,
} from "./mapstyle";
import type { City } from "./types/city";
import type { UnitState } from "./types/incident";

export type LayerName = "land" | "wards" | "districts" | "roads" | "facilities";
export const LAYERS: readonly LayerName[] = ["land", "districts", "wards", "roads", "facilities"];

export interface MapUnit {
  unit_id: string;
  callsign: string;
  state: UnitState;
  lat: number;
  lon: number;
  /** What is said of it: state, age of the fix, whether the position is approximate. */
  title: string;
  /** Not a fix of the unit: its station, perhaps an approximate one. */
  approximate: boolean;
}

export interface MapIncident {
  incident_id: string;
  number: string;
  priority: number;
  lat: number;
  lon: number;
  title: string;
  selected: boolean;
}

export interface MapOptions {
  city: City;
  /** Words on the map, in the language of the screen. */
  words: { approximate: string };
  onClick?: (lat: number, lon: number) => void;
  onIncident?: (incident_id: string) => void;
  onUnit?: (unit_id: string) => void;
}

interface Road {
  line: L.Polyline;
  name: string;
  style: RoadStyle;
}

type Properties = Record<string, unknown>;
const said = (properties: Properties | null, ...names: string[]): string =>
  String(names.map((name) => properties?.[name]).find((value) => value) ?? "");

export class CityMap {
  readonly #map: L.Map;
  readonly #options: MapOptions;
  readonly #roads = new Map<string, { style: RoadStyle; group: L.LayerGroup; roads: Road[] }>();
  readonly #units = L.layerGroup();
  readonly #incidents = L.layerGroup();
  readonly #roadNames = L.layerGroup();
  readonly #labels = { district: L.layerGroup(), ward: L.layerGroup(), facility: L.layerGroup() };
  #pin: L.CircleMarker | null = null;
  #route: L.Polyline | null = null;
  #shownUnits: readonly MapUnit[] = [];

  constructor(element: HTMLElement, options: MapOptions) {
    this.#options = options;
    const [west, south, east, north] = options.city.bbox;
    const [lon, lat] = options.city.center;
    this.#map = L.map(element, {
      renderer: L.canvas({ padding: 0.2 }),
      preferCanvas: true,
      zoomAnimation: false,
      fadeAnimation: false,
      minZoom: 9,
      maxZoom: 18,
      maxBounds: L.latLngBounds([south, west], [north, east]).pad(0.3),
      attributionControl: false,
      keyboard: true,
    }).setView([lat, lon], 13);
    L.control
      .attribution({ prefix: false, position: "bottomright" })
      .addAttribution([...options.city.attribution, "Leaflet"].map(escaped).join(" · "))
      .addTo(this.#map);
    L.control.scale({ imperial: false, position: "topright" }).addTo(this.#map);
    for (const [name, order] of [["ground", 200], ["areas", 300], ["roads", 350], ["moving", 450]] as const) {
      this.#map.createPane(name).style.zIndex = String(order);
    }
    for (const group of [this.#roadNames, this.#units, this.#incidents]) group.addTo(this.#map);
    this.#map.on("click", ({ latlng }) => options.onClick?.(latlng.lat, latlng.lng));
    this.#map.on("zoomend", () => this.#zoomed());
    this.#map.on("moveend", () => this.#nameRoads());
  }

  /** Draw one layer of the city pack. */
  addLayer(name: LayerName, content: FeatureCollection): void {
    switch (name) {
      case "land":
        this.#areas(content, "ground", { fillColor: COLOURS.land, fillOpacity: 1, color: COLOURS.coast, weight: 1 });
        break;
      case "districts":
        this.#areas(content, "areas", { fill: false, color: COLOURS.district, weight: 1.4, dashArray: "6 4" });
        this.#nameAreas(content, this.#labels.district, "map-district");
        break;
      case "wards":
        this.#areas(content, "areas", { fill: false, color: COLOURS.ward, weight: 1 });
        this.#nameAreas(content, this.#labels.ward, "map-ward");
        break;
      case "roads":
        this.#addRoads(content);
        break;
      case "facilities":
        this.#addFacilities(content);
        break;
    }
    this.#zoomed();
  }

  showUnits(units: readonly MapUnit[]): void {
    this.#shownUnits = units;
    this.#units.clearLayers();
    const named = this.#map.getZoom() >= LABELS.unit;
    for (const unit of units) {
      L.circleMarker([unit.lat, unit.lon], {
        pane: "moving",
        radius: 6,
        weight: 2,
        color: UNIT_COLOURS[unit.state],
        fillColor: UNIT_COLOURS[unit.state],
        fillOpacity: unit.approximate ? 0 : 0.85,
      })
        .bindTooltip(escaped(named ? unit.callsign : unit.title), {
          permanent: named,
          direction: "right",
          className: "map-unit",
        })
        .on("click", (event) => {
          L.DomEvent.stopPropagation(event);
          this.#options.onUnit?.(unit.unit_id);
        })
        .addTo(this.#units);
    }
  }

  showIncidents(incidents: readonly MapIncident[]): void {
    this.#incidents.clearLayers();
    for (const incident of incidents) {
      L.circleMarker([incident.lat, incident.lon], {
        pane: "moving",
        radius: incident.selected ? 11 : 8,
        weight: incident.selected ? 4 : 2,
        color: incident.selected ? "#ffffff" : "#0b0f14",
        fillColor: PRIORITY_COLOURS[incident.priority] ?? COLOURS.pin,
        fillOpacity: 1,
      })
        .bindTooltip(escaped(incident.title), {
          permanent: incident.selected,
          direction: "top",
          className: "map-incident",
        })
        .on("click", (event) => {
          L.DomEvent.stopPropagation(event);
          this.#options.onIncident?.(incident.incident_id);
        })
        .addTo(this.#incidents);
    }
  }

  /** The place of the report being typed; null takes it away. */
  showPin(point: { lat: number; lon: number } | null): void {
    this.#pin?.remove();
    this.#pin = null;
    if (!point) return;
    this.#pin = L.circleMarker([point.lat, point.lon], {
      pane: "moving",
      radius: 12,
      weight: 3,
      color: COLOURS.pin,
      fillOpacity: 0.15,
      interactive: false,
    }).addTo(this.#map);
  }

  /** The way to the incident; null takes it away. Longitude first, as in GeoJSON. */
  showRoute(coordinates: [number, number][] | null): void {
    this.#route?.remove();
    this.#route = null;
    if (!coordinates || coordinates.length < 2) return;
    const points = coordinates.map(([lon, lat]): [number, number] => [lat, lon]);
    this.#route = L.polyline(points, { pane: "moving", color: COLOURS.pin, weight: 5, opacity: 0.8, interactive: false });
    this.#route.addTo(this.#map);
    this.#map.fitBounds(this.#route.getBounds().pad(0.1));
  }

  goTo(point: { lat: number; lon: number }, zoom = 15): void {
    this.#map.setView([point.lat, point.lon], Math.max(zoom, this.#map.getZoom()));
  }

  /** The element has another size now. */
  resized(): void {
    this.#map.invalidateSize();
  }

  remove(): void {
    this.#map.remove();
  }

  #areas(content: FeatureCollection, pane: string, style: L.PathOptions): void {
    // Leaflet passes `renderer` and `pane` on to the shapes; one canvas a pane keeps their order.
    const options: L.GeoJSONOptions = {
      style: () => ({ ...style, pane, renderer: this.#canvas(pane) }),
      interactive: false,
    };
    L.geoJSON(content, options).addTo(this.#map);
  }

  readonly #canvases = new Map<string, L.Renderer>();

  #canvas(pane: string): L.Renderer {
    let canvas = this.#canvases.get(pane);
    if (!canvas) this.#canvases.set(pane, (canvas = L.canvas({ pane, padding: 0.2 })));
    return canvas;
  }

  #nameAreas(content: FeatureCollection, group: L.LayerGroup, className: string): void {
    for (const feature of content.features) {
      const name = said(feature.properties, "name");
      const bounds = L.geoJSON(feature).getBounds();
      if (name === "" || !bounds.isValid()) continue;
      label(labelPoint(feature) ?? bounds.getCenter(), name, className).addTo(group);
    }
  }

  #addRoads(content: FeatureCollection): void {
    for (const feature of content.features) {
      const { geometry } = feature as Feature<LineString | MultiLineString>;
      if (geometry?.type !== "LineString" && geometry?.type !== "MultiLineString") continue;
      const roadClass = said(feature.properties, "class");
      const style = roadStyle(roadClass);
      let group = this.#roads.get(style.colour);
      if (!group) this.#roads.set(style.colour, (group = { style, group: L.layerGroup(), roads: [] }));
      const points = L.GeoJSON.coordsToLatLngs(geometry.coordinates, geometry.type === "LineString" ? 0 : 1);
      const line = L.polyline(points as L.LatLng[], {
        pane: "roads",
        renderer: this.#canvas("roads"),
        color: style.colour,
        weight: style.width,
        interactive: false,
        smoothFactor: 1.5,
      });
      group.group.addLayer(line);
      group.roads.push({ line, name: said(feature.properties, "name"), style });
    }
  }

  #addFacilities(content: FeatureCollection): void {
    for (const feature of content.features) {
      if (feature.geometry?.type !== "Point") continue;
      const [lon, lat] = feature.geometry.coordinates as [number, number];
      const placeholder = feature.properties?.["placeholder"] === true;
      const name = said(feature.properties, "name");
      const station = said(feature.properties, "class") === "station";
      const colour = station ? COLOURS.station : COLOURS.facility;
      L.circleMarker([lat, lon], {
        pane: "areas",
        renderer: this.#canvas("areas"),
        radius: 4,
        weight: 1.5,
        color: colour,
        fillColor: colour,
        // Hollow: nobody has been there; see the words beside it.
        fillOpacity: placeholder ? 0 : 0.9,
        dashArray: placeholder ? "2 2" : "",
        interactive: false,
      }).addTo(this.#map);
      const text = placeholder ? `${name} (${this.#options.words.approximate})` : name;
      label(L.latLng(lat, lon), text, "map-facility").addTo(this.#labels.facility);
    }
  }

  #zoomed(): void {
    const zoom = this.#map.getZoom();
    for (const { style, group, roads } of this.#roads.values()) {
      if (zoom < style.zoom) group.remove();
      else {
        for (const { line } of roads) line.setStyle({ weight: roadWidth(style, zoom) });
        group.addTo(this.#map);
      }
    }
    this.#toggle(this.#labels.district, zoom >= LABELS.district && zoom < LABELS.ward);
    this.#toggle(this.#labels.ward, zoom >= LABELS.ward);
    this.#toggle(this.#labels.facility, zoom >= LABELS.facility);
    this.showUnits(this.#shownUnits);
    this.#nameRoads();
  }

  /** About where a name would be written, in pixels. */
  #labelBox(at: L.LatLng, name: string): L.Bounds {
    const centre = this.#map.latLngToContainerPoint(at);
    const half = L.point(name.length * 3.2 + 6, 10);
    return L.bounds(centre.subtract(half), centre.add(half));
  }

  #toggle(group: L.LayerGroup, shown: boolean): void {
    if (shown) group.addTo(this.#map);
    else group.remove();
  }

  /** Names of the roads in sight, once each, as many as can be read. */
  #nameRoads(): void {
    this.#roadNames.clearLayers();
    const zoom = this.#map.getZoom();
    if (zoom < LABELS.road) return;
    const seen = new Set<string>();
    const taken: L.Bounds[] = [];
    const view = this.#map.getBounds();
    for (const { style, roads } of [...this.#roads.values()].sort((a, b) => a.style.zoom - b.style.zoom)) {
      if (zoom < style.zoom) continue;
      for (const { line, name } of roads) {
        if (seen.size >= ROAD_NAMES_MAX) return;
        if (name === "" || seen.has(name) || !view.intersects(line.getBounds())) continue;
        const points = line.getLatLngs().flat(2) as L.LatLng[];
        const inView = points.filter((point) => view.contains(point));
        const middle = inView[Math.floor(inView.length / 2)];
        const box = middle && this.#labelBox(middle, name);
        if (!middle || !box || taken.some((other) => other.intersects(box))) continue;
        seen.add(name);
        taken.push(box);
        label(middle, name, "map-road").addTo(this.#roadNames);
      }
    }
  }
}

/** A point of the feature's own for its name, where the pack gives one. */
function labelPoint(feature: Feature): L.LatLng | null {
  const { lat, lon } = (feature.properties ?? {}) as { lat?: unknown; lon?: unknown };
  return typeof lat === "number" && typeof lon === "number" ? L.latLng(lat, lon) : null;
}

function label(at: L.LatLng, name: string, className: string): L.Marker {
  return L.marker(at, {
    interactive: false,
    keyboard: false,
    icon: L.divIcon({ className: `map-label ${className}`, html: `<span>${escaped(name)}</span>`, iconSize: [0, 0] }),
  });
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
