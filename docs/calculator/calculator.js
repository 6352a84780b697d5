// The page: reads the form, asks the worker, shows the answer. All figures and all markup of answers come from paramcalc.
const byId = (id) => document.getElementById(id);
const FIELDS = [...document.querySelectorAll("#settings input, #settings select")].map((field) => field.id);
const worker = new Worker("worker.js", { type: "module" });
const waiting = new Map();
let commands = {}; // each tab and the fields it takes, as page.py says
let sequence = 0, tab = "", latest = null, own = null, ready = false, focus = "";

function ask(question) {
  const id = ++sequence;
  return new Promise((resolve) => { waiting.set(id, resolve); worker.postMessage({ id, question }); });
}

worker.onmessage = ({ data }) => {
  if (data.id) { waiting.get(data.id)?.(data.answer); waiting.delete(data.id); return; }
  if (data.state === "failed") { byId("state").textContent = `Could not start: ${data.text}`; return; }
  if (data.state !== "ready") { byId("state").textContent = data.state; return; }
  fill("presets", data.start.presets.map((name) => [name, ""]));
  fill("quant", data.start.formats.map((name) => [name, name]));
  fill("gpu", data.start.devices);
  for (const [id, value] of Object.entries(data.start.first)) byId(id).value = value;
  commands = data.start.commands;
  [tab] = Object.keys(commands);
  restore();
  ready = true;
  show();
};

function fill(id, pairs) {
  for (const [value, label] of pairs) byId(id).append(new Option(label, value));
}

function question() {
  const asked = { command: tab, model: own ? own.name : byId("model").value.trim() };
  for (const field of FIELDS) asked[field] = byId(field).value.trim();
  if (own) asked.text = own.text;
  if (focus) asked.focus = focus;
  return asked;
}

async function show() {
  if (!ready) return;
  const asked = question(), mine = sequence + 1;
  byId("state").textContent = "Working…";
  const answer = await ask(asked);
  if (mine !== sequence) return; // a newer question is on its way
  latest = { ...answer, question: asked };
  document.body.dataset.command = asked.command;
  if (answer.error) {
    byId("answer").replaceChildren(...answer.error.map(problem));
  } else {
    byId("answer").innerHTML = answer.html; // markup of paramcalc's own, every text in it escaped there
  }
  byId("copies").hidden = Boolean(answer.error);
  byId("state").textContent = answer.error ? "" : answer.summary;
  if (!own) history.replaceState(null, "", `#${encode(asked)}`);
}

function problem({ text, hint }) {
  const line = document.createElement("p");
  line.className = "error";
  line.setAttribute("role", "alert");
  line.textContent = `error: ${text}`;
  if (hint) {
    const remedy = document.createElement("span");
    remedy.className = "hint";
    remedy.textContent = `\nhint: ${hint}`;
    line.append(remedy);
  }
  return line;
}

function encode(asked) {
  const bytes = new TextEncoder().encode(JSON.stringify(asked));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function restore() {
  try {
    const bytes = Uint8Array.from(atob(location.hash.slice(1).replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const asked = JSON.parse(new TextDecoder().decode(bytes));
    if (Object.hasOwn(commands, asked.command)) tab = asked.command;
    for (const field of FIELDS) if (typeof asked[field] === "string") byId(field).value = asked[field];
    if (typeof asked.text === "string") use(String(asked.model), asked.text);
    else if (typeof asked.model === "string") byId("model").value = asked.model;
    if (typeof asked.focus === "string") focus = asked.focus;
  } catch { /* no question in the address */ }
  tabs();
}

function tabs() {
  for (const field of FIELDS) byId(field).closest(".field").hidden = !commands[tab].includes(field);
  byId("tabs").replaceChildren(...Object.keys(commands).map((name) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: name, tabIndex: name === tab ? 0 : -1, id: `tab-${name}` });
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", "answer");
    button.setAttribute("aria-selected", String(name === tab));
    button.onclick = () => choose(name);
    return button;
  }));
}

function choose(name) {
  [tab, focus] = [name, ""];
  tabs();
  byId(`tab-${name}`).focus();
  show();
}

byId("tabs").addEventListener("keydown", (event) => {
  const names = Object.keys(commands), at = names.indexOf(tab), last = names.length - 1;
  const next = { ArrowRight: at < last ? at + 1 : 0, ArrowLeft: at > 0 ? at - 1 : last, Home: 0, End: last }[event.key];
  if (next !== undefined) { event.preventDefault(); choose(names[next]); }
});

function use(name, text) {
  own = text ? { name, text } : null;
  byId("own").open = Boolean(own);
  byId("model").disabled = Boolean(own);
  if (byId("text").value !== text) byId("text").value = text;
  focus = "";
}

async function read(file) {
  if (file.size > 4 * 2 ** 20) { byId("state").textContent = "The file is larger than 4 MiB"; return; }
  use(file.name, await file.text());
  show();
}

let pause;
byId("text").addEventListener("input", (event) => {
  clearTimeout(pause);
  const { value } = event.target;
  pause = setTimeout(() => { use(value.trim().startsWith("{") ? "config.json" : "spec.yaml", value); show(); }, 300);
});
byId("file").addEventListener("change", (event) => event.target.files[0] && read(event.target.files[0]));
byId("clear").addEventListener("click", () => { use("", ""); show(); });
byId("question").addEventListener("submit", (event) => { event.preventDefault(); show(); });
for (const id of ["model", ...FIELDS]) byId(id).addEventListener("change", () => { focus = ""; show(); });
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
});
addEventListener("hashchange", () => { use("", ""); restore(); show(); });

async function drill(target) {
  const area = target.closest("[data-key]");
  if (!area) return;
  focus = area.dataset.key;
  await show();
  byId("answer").querySelector("[data-key]")?.focus(); // what was chosen is gone with the picture before
}
byId("answer").addEventListener("click", (event) => drill(event.target));
byId("answer").addEventListener("keydown", (event) => { if (event.target.closest("svg") && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); drill(event.target); } });

byId("copies").addEventListener("click", async ({ target }) => {
  if (target.id === "share") await copy(`${location.href.split("#")[0]}#${encode(question())}`);
  else if (target.dataset.copy in latest) await copy(latest[target.dataset.copy]);
  else if (target.dataset.copy) await copy((await ask({ ...latest.question, copy: target.dataset.copy })).text);
});

async function copy(text) {
  await navigator.clipboard.writeText(text);
  byId("copied").textContent = "Copied";
  setTimeout(() => { byId("copied").textContent = ""; }, 1500);
}

window.paramcalc = { ask }; // for programs that drive the page
