"use strict";
// Whatever comes from a caller or a record is shown by textContent, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const FEW = 8; // sentences and facts before one asks for all of them
let image = null; // data URL of the image that is sent with the case
let told = null; // the last answer
const kept = {}; // object URLs, by the link that has them

function made(tag, text, ...classes) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  node.classList.add(...classes);
  return node;
}

const percent = (p) => (p >= 0.9995 ? "100 %" : (100 * p).toFixed(1) + " %");
const titled = (name) => name.replaceAll("_", " ");
const signed = (x) => (x >= 0 ? "+" : "−") + Math.abs(x).toFixed(2);

function headers(more) {
  const key = at("key");
  return key && key.value ? { ...more, "x-api-key": key.value } : more;
}

// The answer's body; an Error in plain words where there is none.
async function asked(path, options, read) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: headers(options.headers || {}) });
  } catch {
    throw new Error("The service does not answer.");
  }
  if (response.ok) return read(response);
  if (response.status === 401) throw new Error("This service asks for its key: enter it above.");
  let message = `The service answered ${response.status}.`;
  try {
    message = (await response.json()).error || message;
  } catch { /* the status says enough */ }
  throw new Error(message);
}

const json = (response) => response.json();

function say(text, wrong = false) {
  at("status").hidden = !text;
  at("status").textContent = text || "";
  at("status").classList.toggle("wrong", wrong);
}

// Does `work` once at a time, and says so.
async function busy(text, work) {
  const buttons = document.querySelectorAll("button.main, .examples button, #any, #try");
  buttons.forEach((one) => (one.disabled = true));
  say(text);
  at("begin").hidden = true;
  try {
    await work();
    say("");
  } catch (error) {
    at("result").hidden = at("rows").hidden = true;
    say(error.message, true);
  } finally {
    buttons.forEach((one) => (one.disabled = false));
  }
}

function link(id, text) {
  if (kept[id]) URL.revokeObjectURL(kept[id]);
  kept[id] = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  at(id).href = kept[id];
}

// ---- a case

const form = at("case-form");

function showImage(url) {
  image = url;
  if (!at("chosen")) return;
  at("chosen").hidden = !url;
  if (url) at("chosen-image").src = url;
  else form.elements.image.value = "";
}

function fill(one) {
  form.reset();
  const whole = { ...one.case, ...(one.case.vitals || {}) };
  for (const field of form.elements) {
    const value = whole[field.name];
    if (field.type !== "file" && value !== undefined && value !== null) field.value = value;
  }
  showImage(one.image);
}

function caseOfForm() {
  const found = { vitals: {} };
  for (const field of form.elements) {
    const value = field.value;
    if (!field.name || field.type === "file" || !value.trim()) continue;
    if (field.dataset.vital !== undefined) found.vitals[field.name] = Number(value);
    else found[field.name] = field.name === "age" ? Number(value) : value;
  }
  if (image) found.image = image;
  return found;
}

function predictCase() {
  return busy("Predicting and explaining …", async () => {
    const options = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(caseOfForm()),
    };
    show(await asked("demo/case", options, json));
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  predictCase();
});
at("clear").addEventListener("click", () => {
  form.reset();
  showImage(null);
});
if (at("chosen")) {
  at("no-image").addEventListener("click", () => showImage(null));
  form.elements.image.addEventListener("change", () => {
    const [file] = form.elements.image.files;
    if (!file) return;
    const reader = new FileReader();
    reader.addEventListener("load", () => showImage(reader.result));
    reader.readAsDataURL(file);
  });
}
for (const one of data.examples) {
  const button = made("button", one.title);
  button.type = "button";
  button.addEventListener("click", () => {
    fill(one);
    predictCase();
  });
  at("examples").append(button);
}

// ---- a test sample

const stayForm = at("stay-form");
let count = 0;

function predictStay(id) {
  stayForm.elements.id.value = id;
  return busy("Reading and explaining …", async () => {
    show(await asked(`demo/sample?id=${encodeURIComponent(id)}`, {}, json));
  });
}

async function listStays(like) {
  const found = await asked(`demo/samples?like=${encodeURIComponent(like)}`, {}, json);
  at("ids").replaceChildren(...found.samples.map((id) => Object.assign(made("option"), { value: id })));
  return found;
}

async function beginStays() {
  if (count) return;
  try {
    const found = await listStays("");
    count = found.count;
    at("count").textContent = `${count.toLocaleString("en")} test samples; type a part of an id.`;
    at("stays").replaceChildren(
      ...found.examples.map((id) => {
        const button = made("button", id);
        button.type = "button";
        button.addEventListener("click", () => predictStay(id));
        return button;
      }),
    );
  } catch (error) {
    at("count").textContent = error.message;
  }
}

let typing = 0;
stayForm.elements.id.addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => listStays(event.target.value.trim()).catch(() => {}), 250);
});
stayForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const id = stayForm.elements.id.value.trim();
  if (id) predictStay(id);
});
at("any").addEventListener("click", async () => {
  try {
    // two digits of an id hold for some of the samples, whichever they are
    const digits = String(Math.floor(10 + 90 * Math.random()));
    let { samples } = await listStays(digits);
    if (!samples.length) ({ samples } = await listStays(""));
    if (samples.length) await predictStay(samples[Math.floor(Math.random() * samples.length)]);
  } catch (error) {
    say(error.message, true);
  }
});

// ---- a table

function fields(text) {
  const rows = [[]];
  let cell = "", quoted = false;
  for (let k = 0; k < text.length; k++) {
    const sign = text[k];
    if (quoted) {
      if (sign === '"' && text[k + 1] === '"') cell += text[++k];
      else if (sign === '"') quoted = false;
      else cell += sign;
    } else if (sign === '"') quoted = true;
    else if (sign === ",") {
      rows.at(-1).push(cell);
      cell = "";
    } else if (sign === "\n") {
      rows.at(-1).push(cell);
      cell = "";
      rows.push([]);
    } else cell += sign;
  }
  return rows.filter((row) => row.length);
}

function predictTable(body) {
  return busy("Predicting …", async () => {
    const options = { method: "POST", headers: { "content-type": "text/csv" }, body };
    const text = await asked("predict/batch", options, (response) => response.text());
    const [head, ...rows] = fields(text);
    const most = 100;
    const shown = (cell) => (/^\d\.\d{4,}(e-?\d+)?$/.test(cell) ? Number(cell).toFixed(3) : cell);
    const line = (cells, tag) => {
      const row = made("tr");
      row.append(...cells.map((cell) => made(tag, tag === "td" ? shown(cell) : cell)));
      return row;
    };
    at("rows-table").replaceChildren(line(head, "th"), ...rows.slice(0, most).map((row) => line(row, "td")));
    const wrong = rows.filter((row) => row.at(-1)).length;
    at("rows-count").textContent =
      `${rows.length} rows` + (wrong ? `, ${wrong} of them not as expected` : "") +
      (rows.length > most ? `; the first ${most} are shown` : "");
    link("rows-csv", text);
    at("result").hidden = true;
    at("rows").hidden = false;
  });
}

at("table-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const [file] = event.target.elements.csv.files;
  if (file) predictTable(file);
  else say("Choose a CSV first.", true);
});
at("try").addEventListener("click", async () => {
  try {
    predictTable(await asked("demo/example.csv", {}, (response) => response.text()));
  } catch (error) {
    say(error.message, true);
  }
});

// ---- the answer

function show(answer) {
  told = answer;
  at("rows").hidden = true;
  at("result").hidden = false;
  showSample();
  showProbabilities();
  showWhy();
  showWithheld();
  showRetrieved();
  if (window.matchMedia("(max-width: 52rem)").matches) at("result").scrollIntoView();
}

function showSample() {
  const { sample } = told;
  at("sample").hidden = !sample;
  if (!sample) return;
  const list = made("dl");
  const add = (name, value) => list.append(made("dt", name), made("dd", value));
  const binary = data.classes.length === 1;
  const came = sample.outcome.map(titled).join(", ") || (binary ? "negative" : "none of the classes");
  add("What came true", came);
  const likeliest = Object.entries(sample.recorded).sort((a, b) => b[1] - a[1]).slice(0, 3);
  add("As evaluated", likeliest.map(([name, p]) => `${titled(name)} ${percent(p)}`).join(", "));
  if (told.case) {
    const { age, sex, vitals } = told.case;
    if (age !== null || sex !== "U") add("Age, sex", `${age === null ? "not known" : Math.round(age)}, ${sex}`);
    const some = Object.entries(vitals).slice(0, 12);
    if (some.length) add("Last values", some.map(([name, value]) => `${titled(name)} ${+value.toFixed(2)}`).join(", "));
  }
  at("sample").replaceChildren(made("h2", sample.sample_id), list);
}

function showProbabilities() {
  const { probabilities, calibrated, predicted, not_read: unread } = told.prediction;
  const shown = calibrated || probabilities;
  const names = [...data.classes].sort((a, b) => shown[b] - shown[a]);
  const confidence = at("confidence");
  const best = predicted || names[0];
  const what = predicted ? "confidence" : "probability";
  confidence.replaceChildren(
    ...(predicted || names.length === 1 ? [] : ["Likeliest: "]),
    made("strong", titled(names.length === 1 ? data.task : best)),
    `, ${calibrated ? "calibrated " : ""}${what} ${percent(shown[best])}`,
  );
  at("bars").replaceChildren(
    ...names.flatMap((name) => {
      const track = made("div", undefined, "track"), fill = made("div", undefined, "fill");
      fill.style.width = 100 * shown[name] + "%";
      track.append(fill);
      if (calibrated) {
        const mark = made("div", undefined, "mark");
        mark.style.left = `calc(${100 * probabilities[name]}% - 1px)`;
        track.append(mark);
      }
      return [made("div", titled(name), "name"), track, made("div", percent(shown[name]), "number")];
    }),
  );
  at("legend").textContent = calibrated
    ? "Bar: recalibrated on validation patients. Stroke: as the model gives it."
    : "As the model gives it; it cannot be recalibrated here.";
  at("unread").textContent = unread.length ? `Not read by this model: ${unread.join(", ")}.` : "";
  const line = (name) => `${name},${probabilities[name]},${calibrated ? calibrated[name] : ""}\n`;
  link("case-csv", "class,p,calibrated\n" + data.classes.map(line).join(""));
}

function showWhy() {
  const { why, prediction, image: film } = told;
  at("no-why").hidden = Boolean(why);
  at("tokens-title").textContent = told.attention ? "Sentences of the notes" : "Inputs of the networks";
  at("part").hidden = Boolean(told.attention);
  at("explained").hidden = !why;
  at("why").hidden = !why && !film;
  if (!why) return;
  const names = Object.keys(why);
  const p = prediction.calibrated || prediction.probabilities;
  at("class").replaceChildren(...names.map((name) => Object.assign(made("option", `${titled(name)}, ${percent(p[name])}`), { value: name })));
  showClass(names[0], false);
}

function showClass(name, all) {
  const { added, added_by_image: byImage, heat } = told.why[name];
  at("film").hidden = !told.image;
  at("explained").classList.toggle("pictured", Boolean(told.image));
  if (told.image) {
    at("film-image").src = told.image;
    at("film-heat").hidden = !heat || !at("heat-on").checked;
    if (heat) at("film-heat").src = heat;
    at("film-adds").textContent = byImage === null ? "" : `The picture adds ${signed(byImage)} to the logit.`;
  }
  at("sentences-part").hidden = !told.tokens.length;
  const largest = Math.max(...added.map(Math.abs), 1e-9);
  const place = added.map((_, k) => k);
  const loudest = new Set([...place].sort((a, b) => Math.abs(added[b]) - Math.abs(added[a])).slice(0, FEW));
  const chosen = all ? place : place.filter((k) => loudest.has(k));
  // sentences stand as they are read; inputs have no order of their own
  if (!told.attention) chosen.sort((a, b) => Math.abs(added[b]) - Math.abs(added[a]));
  at("sentences").replaceChildren(
    ...chosen.map((k) => {
      const item = made("li"), colour = added[k] >= 0 ? "179, 38, 30" : "10, 92, 168";
      const share = Math.abs(added[k]) / largest;
      item.style.borderLeftColor = `rgba(${colour}, ${0.15 + 0.85 * share})`;
      item.style.backgroundColor = `rgba(${colour}, ${0.16 * share})`;
      if (told.attention) item.title = `attention ${told.attention[k].toFixed(3)}`;
      item.append(made("span", told.tokens[k]), made("span", signed(added[k]), "adds"));
      return item;
    }),
  );
  const rest = told.tokens.length > chosen.length || all;
  at("all-sentences").hidden = !(rest && told.tokens.length > FEW);
  at("all-sentences").textContent = all ? `The ${FEW} that matter most` : `All ${told.tokens.length}`;
  at("all-sentences").onclick = () => showClass(name, !all);
}

at("class").addEventListener("change", (event) => showClass(event.target.value, false));
at("heat-on").addEventListener("change", () => {
  at("film-heat").hidden = !at("heat-on").checked || !told.why[at("class").value].heat;
});

function showWithheld() {
  const { withheld, prediction } = told;
  at("without").hidden = !withheld.length;
  const names = [...data.classes]
    .sort((a, b) => prediction.probabilities[b] - prediction.probabilities[a])
    .slice(0, 5);
  const line = (head, p) => {
    const row = made("tr");
    row.append(made("th", head), ...names.map((name) => made("td", percent(p[name]))));
    return row;
  };
  const titles = { notes: "without notes", images: "without image", series: "without series", summary: "without graph" };
  const head = made("tr");
  head.append(made("th", ""), ...names.map((name) => made("th", titled(name))));
  at("without-table").replaceChildren(
    head,
    line("everything", prediction.probabilities),
    ...withheld.map((one) => line(titles[one.source] || one.source, one.probabilities)),
  );
}

function showRetrieved(all = false) {
  const { facts, summary, retrieved_not: none } = told;
  at("no-graph").hidden = !none;
  at("no-graph").textContent = none || "";
  at("found").hidden = Boolean(none);
  if (none) return;
  const own = new Set(facts);
  // the summary repeats the facts, which have a list of their own
  const rest = summary.split(/(?<=\.) /).filter((one) => !own.has(one.replace(/\.$/, "")));
  at("summary").textContent = rest.join(" ");
  at("facts").replaceChildren(...(all ? facts : facts.slice(0, FEW)).map((fact) => made("li", fact)));
  if (!facts.length) at("facts").append(made("li", "none"));
  at("all-facts").hidden = facts.length <= FEW;
  at("all-facts").textContent = all ? `The first ${FEW}` : `All ${facts.length} facts`;
  at("all-facts").onclick = () => showRetrieved(!all);
}

// ---- tabs

const tabs = [...document.querySelectorAll("[role=tab]")];
function open(tab) {
  for (const one of tabs) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", String(chosen));
    one.tabIndex = chosen ? 0 : -1;
    at(one.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (tab.id === "tab-stay") beginStays();
}
for (const [k, tab] of tabs.entries()) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(k + step + tabs.length) % tabs.length];
    open(next);
    next.focus();
  });
}
if (at("key")) {
  at("key").addEventListener("change", () => {
    if (!at("stay").hidden) beginStays();
  });
  at("key-form").addEventListener("submit", (event) => event.preventDefault());
}
open(tabs[0]);
