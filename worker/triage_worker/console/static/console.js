// What pages do beyond HTML; all of them work without it.
// data-refresh="/now/live" data-every="5": the part is loaded again every 5 seconds.
// data-key="1": the key presses this button or follows this link.  data-confirm="…": asks before it is sent.
// data-shows="password": the button shows what is typed into this field, and hides it again.
// data-handle="[…]": a form whose range input moves the marks of the charts; there is an entry for each of its places.
"use strict";

const announce = (text) => {
  const place = document.getElementById("announcements");
  if (place && place.textContent !== text) place.textContent = text;
};

const refresh = (part) => {
  let failed = false;
  const load = async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { "X-Requested-With": "fetch" } });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const open = new Set([...part.querySelectorAll("details[open][id]")].map((one) => one.id));
      part.innerHTML = await answer.text();
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (failed) announce("The page is up to date again.");
      failed = false;
    } catch {
      if (!failed) announce("The console does not answer; this page shows what was known before.");
      failed = true;
    }
    part.classList.toggle("stale", failed);
  };
  setInterval(load, 1000 * Number(part.dataset.every || 5));
};

document.querySelectorAll("[data-refresh]").forEach(refresh);

let pressed = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || pressed) return;
  if (event.target.closest("input:not([type=hidden]), select, textarea")) return;
  const key = event.key.toLowerCase();
  if (key === "enter" && event.target.closest("a, button, summary")) return;
  if (localStorage.getItem("keys") === "off") return;
  const target = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key && !one.disabled);
  if (!target) return;
  event.preventDefault();
  target.click();
});

// People whose screen reader or speech input sends single keys can switch the keys off (WCAG 2.1.4).
for (const toggle of document.querySelectorAll("[data-keys-toggle]")) {
  const name = () => { toggle.textContent = localStorage.getItem("keys") === "off" ? "Switch keys on" : "Switch keys off"; };
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    localStorage.setItem("keys", localStorage.getItem("keys") === "off" ? "on" : "off");
    name();
  });
  name();
}

// Who cannot see what they type can look at it (ASVS 2.1.12).
for (const button of document.querySelectorAll("[data-shows]")) {
  const field = document.getElementById(button.dataset.shows);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
}

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  const question = (button && button.dataset.confirm) || event.target.dataset.confirm;
  if (question && !confirm(question)) { event.preventDefault(); return; }
  if (event.target.dataset.once !== undefined) {
    if (pressed) { event.preventDefault(); return; }
    pressed = true;
  }
});
for (const form of document.querySelectorAll("form[data-handle]")) {
  const places = JSON.parse(form.dataset.handle);
  const range = form.querySelector("input[type=range]");
  const dot = document.getElementById("handle-dot"), line = document.getElementById("handle-line");
  const move = () => {
    const place = places.find((one) => one.threshold === Number(range.value));
    if (!place) return;
    document.getElementById("handle-says").textContent = place.says;
    range.setAttribute("aria-valuetext", place.says);
    line.setAttribute("x1", place.bar);
    line.setAttribute("x2", place.bar);
    if (!dot) return;
    dot.setAttribute("visibility", place.x === null ? "hidden" : "visible");
    if (place.x !== null) { dot.setAttribute("cx", place.x); dot.setAttribute("cy", place.y); }
  };
  range.addEventListener("input", move);
  form.querySelector("button").hidden = true;
  move();  // browsers keep the place of the handle when a page is loaded again
}

window.addEventListener("pageshow", () => { pressed = false; });
