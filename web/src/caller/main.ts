/**
 * The page of a caller who was lost.  No framework: it must open on any telephone and any network,
 * and its first button works before a line of this has run.
 */

import "./caller.css";
import { CallerLine, type PageState, type Word } from "./line";
import { type Language, said, type Text } from "./words";

const LOOK_MS = 15_000;
const LOCATE_MS = 25_000;
const LANGUAGE = "tahuri.language";
const NUMBER = "112";

const at = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const status = at("status");
const text = at<HTMLTextAreaElement>("text");

let language: Language = firstLanguage();
let place: Text | null = null;
let accuracy_m: number | null = null;
let note: Text | null = null;

const token = location.hash.slice(1);
const line = new CallerLine(token, localStorage, fetch.bind(window), show);

function firstLanguage(): Language {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(LANGUAGE);
  } catch {
    // The browser's own language, then.
  }
  return (chosen ?? navigator.language).toLowerCase().startsWith("en") ? "en" : "id";
}

function clock(iso: string | null): string {
  if (iso === null) return "";
  return new Date(iso).toLocaleTimeString(language === "id" ? "id-ID" : "en-GB", { hour: "2-digit", minute: "2-digit" });
}

function number(): string {
  return line.state?.number ?? NUMBER;
}

function say(words: Text, gaps: Record<string, string> = {}): string {
  return said(language, words, { number: number(), at: clock(line.state?.lost_at ?? null), ...gaps });
}

function headline(state: PageState | null): Text {
  if (line.reach === "gone") return "gone";
  if (state === null) return "loading";
  if (state.state === "waiting" && state.wish === "cannot-speak") return "silent";
  return state.state;
}

/** A line that is there while it has something to say. */
function tell(element: HTMLElement, words: string): void {
  element.hidden = words === "";
  if (element.textContent !== words) element.textContent = words;
}

function network(): string {
  if (line.reach === "full") return say("full");
  if (line.reach !== "offline") return "";
  return say(line.waiting.length > 0 ? "offline" : "offline_empty");
}

/** Bring the page to what is known. */
function show(): void {
  const { state } = line;
  document.documentElement.lang = language;
  document.title = state ? `${number()} ${state.city}` : number();
  at("city").textContent = document.title;
  for (const element of document.querySelectorAll<HTMLElement>("[data-say]")) {
    element.textContent = say(element.dataset["say"] as Text);
  }
  at<HTMLAnchorElement>("call").href = `tel:${number()}`;
  const head = headline(state);
  tell(status, say(head));
  status.dataset["state"] = head;
  tell(at("network"), network());
  at("talk").hidden = line.reach === "gone" || (state === null && line.reach === "unknown");
  showWishes(state);
  showPlace(state);
  showTexts(state);
  const other = at("language");
  other.textContent = language === "id" ? "English" : "Bahasa Indonesia";
  other.lang = language === "id" ? "en" : "id";
}

function showWishes(state: PageState | null): void {
  const wishes = line.waiting.map(({ word }) => word).filter((word) => word !== "text" && word !== "location");
  const wish = wishes.at(-1) ?? state?.wish ?? null;
  for (const button of document.querySelectorAll<HTMLElement>(".wish")) {
    const chosen = button.dataset["word"] === wish;
    button.setAttribute("aria-pressed", String(chosen));
    const words = wishes.length > 0 ? say("on_way") : say("received");
    (button.querySelector("small") as HTMLElement).textContent = chosen ? words : "";
  }
  at("undo").hidden = wish !== "no-longer-needed";
}

function showPlace(state: PageState | null): void {
  const going = line.waiting.some(({ word }) => word === "location");
  const located = state?.located_at ?? null;
  const button = at("locate").querySelector("small") as HTMLElement;
  button.textContent = going ? say("on_way") : located ? say("located", { at: clock(located) }) : "";
  at("locate").setAttribute("aria-pressed", String(located !== null && !going));
  const exact = accuracy_m === null ? "" : say("accuracy", { n: String(Math.round(accuracy_m)) });
  tell(at("place"), place ? say(place) : located || going ? exact : "");
  at("place").classList.toggle("warn", place !== null && place !== "locating");
}

function showTexts(state: PageState | null): void {
  const back = line.returned.shift();
  if (back !== undefined) {
    text.value = text.value ? `${back}\n${text.value}` : back;
    note = "text_returned";
  }
  const going = line.waiting.some(({ word }) => word === "text");
  const texts = state?.texts ?? 0;
  const words = note ? say(note) : going ? say("on_way") : texts > 0 ? say("texts", { n: String(texts) }) : "";
  tell(at("sent"), words);
  at("sent").classList.toggle("good", !note && !going);
  at("sent").classList.toggle("warn", note !== null);
}

function locate(): void {
  if (!("geolocation" in navigator) || !window.isSecureContext) {
    place = "unable";
    show();
    return;
  }
  place = "locating";
  show();
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      place = null;
      accuracy_m = coords.accuracy;
      line.say({ word: "location", lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy });
    },
    (error) => {
      place = error.code === error.PERMISSION_DENIED ? "denied" : "unfound";
      show();
    },
    { enableHighAccuracy: true, timeout: LOCATE_MS, maximumAge: 0 },
  );
}

for (const button of document.querySelectorAll<HTMLElement>(".wish")) {
  button.addEventListener("click", () => line.say({ word: button.dataset["word"] as Word }));
}
at("locate").addEventListener("click", locate);
at("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const written = text.value.trim();
  note = written ? null : "text_empty";
  if (written) {
    text.value = "";
    line.say({ word: "text", text: written });
  } else {
    show();
    text.focus();
  }
});
text.addEventListener("input", () => {
  if (note === null) return;
  note = null;
  show();
});
at("language").addEventListener("click", () => {
  language = language === "id" ? "en" : "id";
  try {
    localStorage.setItem(LANGUAGE, language);
  } catch {
    // Only this time, then.
  }
  show();
});
at("leave").addEventListener("click", () => {
  text.value = "";
  line.forget();
  location.replace("about:blank");
});
window.addEventListener("online", () => void line.look());
// Another message's link in the same window changes nothing but the token: its page begins anew.
window.addEventListener("hashchange", () => location.reload());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void line.look();
});
setInterval(() => {
  if (!document.hidden && line.reach !== "gone") void line.look();
}, LOOK_MS);

show();
void line.look();
