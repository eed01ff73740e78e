// Puts the page together: the header, the tabs, and the view that is shown.

import { choice, h, select } from "./dom.js";
import { Model, STATUS } from "./model.js";
import { getJson, getText, post } from "./server.js";
import * as state from "./state.js";
import { Stream } from "./stream.js";
import { views } from "./views/index.js";
import * as words from "./words.js";

const byId = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const model = new Model();
const stream = new Stream((news) => model.apply(news));
const t = words.wordsOf("page");
let about = {};
let shown = null;
let connection = "open";

export const theme = () => (["light", "dark"].includes(state.get("theme")) ? state.get("theme") : dark.matches ? "dark" : "light");

const lab = { model, state, words, theme, getJson, getText, post, say };

function say(text) {
  byId("notice").textContent = text;
}

function chosenLanguage() {
  const own = (navigator.language ?? "").startsWith("zh") ? "zh" : about.language;
  return state.get("lang", own ?? "en");
}

function drawHeader() {
  const study = model.study;
  const studies = model.studies.map((name) => [name, name]);
  document.title = study ? `${study.name} · skipscope` : "skipscope";
  const working = model.works ? t("working") : t("resting");
  byId("header").replaceChildren(
    h("p", { class: "brand" }, h("strong", {}, "skipscope"), h("span", { class: "path", title: about.workspace }, about.workspace ?? "")),
    studies.length > 1 ? select(t("study"), studies, study?.name ?? "", (name) => state.set({ study: name }, { history: true })) : h("p", { class: "study" }, study?.title?.[words.language()] ?? study?.name ?? ""),
    h("p", { class: `connection ${connection}` }, h("span", { class: "dot", "aria-hidden": "true" }), connection === "open" ? working : t(`connection.${connection}`)),
    h("div", { class: "settings" },
      choice("lang", t("language"), [["zh", "中文"], ["en", "English"]], words.language(), (lang) => state.set({ lang })),
      choice("theme", t("theme"), [["light", t("theme.light")], ["dark", t("theme.dark")]], theme(), (name) => state.set({ theme: name }))));
}

function drawTabs(active) {
  byId("views").setAttribute("aria-label", t("views"));
  byId("views").replaceChildren(...views.map((view) => {
    const title = words.wordsOf(view.id)("title");
    return h("button", { type: "button", class: "tab", id: `tab-${view.id}`, "aria-current": view === active ? "page" : null,
      onclick: () => state.set({ view: view.id }, { history: true }) }, title);
  }));
  byId(`tab-${active.id}`).scrollIntoView({ block: "nearest", inline: "nearest" }); // a telephone shows a few tabs
}

function show() {
  shown?.leave?.();
  const view = views.find((each) => each.id === state.get("view")) ?? views[0];
  document.documentElement.dataset.theme = theme();
  drawTabs(view);
  document.querySelector(".skip").textContent = t("skip");
  byId("main").setAttribute("aria-labelledby", `tab-${view.id}`);
  const root = h("div", { class: `view view-${view.id}` });
  byId("main").replaceChildren(root);
  shown = view.show(root, lab) ?? {};
  shown.view = view;
}

function redraw() {
  words.speak(chosenLanguage());
  drawHeader();
  show();
  tellState();
}

function tellState() {
  const lost = connection === "lost" ? t("lost") : "";
  const gone = !model.there ? t("gone", { path: about.workspace }) : !model.studies.length && connection === "open" ? t("empty") : "";
  const problem = model.study?.problem ? words.problem(model.study.problem) : "";
  say([lost, gone, problem].filter(Boolean).join(" "));
}

state.onChange((keys) => {
  if (keys.has("study")) {
    model.clear();
    stream.follow(state.get("study"));
  }
  if (["lang", "theme", "view", "study"].some((key) => keys.has(key))) redraw();
  else shown?.changed?.(keys);
});
dark.addEventListener("change", redraw);
stream.addEventListener("state", ({ detail }) => {
  connection = detail;
  drawHeader();
  tellState();
});
model.addEventListener("change", ({ detail }) => {
  if (STATUS.some((key) => key in detail)) {
    drawHeader();
    tellState();
  }
  shown?.update?.(detail);
});

[about] = await Promise.all([getJson("/about").catch(() => ({})), words.load("page", ...views.map((view) => view.id))]);
redraw();
stream.follow(state.get("study"));
