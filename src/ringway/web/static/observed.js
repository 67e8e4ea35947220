// What the page of a capture does beyond its HTML: messages in a dialog, filters, theme.
// Without it the same messages stand below each ladder. Text is only ever moved, never parsed.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (what, within = document) => [...within.querySelectorAll(what)];

  // Theme: the system's, unless somebody chose here.

  const dark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches && "dark")) === "dark";
  const theme = document.querySelector("button.theme");
  const tell = () => theme.setAttribute("aria-pressed", String(dark()));
  theme.hidden = false;
  tell();
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    tell();
  });

  // Whatever a link leads to is opened, with all that it stands in: at the click, and on the way back.

  function reveal(target) {
    if (!target) return;
    for (let each = target; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
      each.hidden = false;
    }
    target.scrollIntoView();
    (target.querySelector(":scope > summary") || target).focus({ preventScroll: true });
  }
  const aimed = () => document.getElementById(location.hash.slice(1));
  addEventListener("hashchange", () => reveal(aimed()));

  // An arrow opens its message.

  const dialog = document.querySelector("dialog.message");
  const name = dialog.querySelector("#message-name");
  const what = dialog.querySelector(".what");
  const button = (called) => dialog.querySelector(`button[name=${called}]`);
  let shown = null;

  function show(article) {
    shown = article;
    const copy = article.cloneNode(true);
    const head = copy.querySelector("h4");
    name.className = head.className;
    name.replaceChildren(...head.childNodes);
    head.remove();
    what.replaceChildren(...copy.childNodes);
    button("previous").disabled = !neighbour(-1);
    button("next").disabled = !neighbour(1);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  }
  function neighbour(way) {
    const other = way < 0 ? shown.previousElementSibling : shown.nextElementSibling;
    return other && other.matches("article.said") ? other : null;
  }
  function go(way) {
    const other = neighbour(way);
    if (!other) return;
    show(other);
    const used = button(way < 0 ? "previous" : "next");
    if (used.disabled) button("close").focus();
  }
  button("previous").addEventListener("click", () => go(-1));
  button("next").addEventListener("click", () => go(1));
  button("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("pre") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    const target = document.getElementById(link.getAttribute("href").slice(1));
    if (target && target.matches("article.said")) {
      event.preventDefault();
      show(target);
    } else if (target) {
      if (dialog.open) dialog.close();
      reveal(target);
    }
  });

  // Filters

  const sieve = document.querySelector("form.sieve");
  const talks = all("details.talk");
  const said = sieve.querySelector("[role=status]");
  const texts = new Map();
  const textOf = (talk) => {
    if (!texts.has(talk)) texts.set(talk, talk.textContent.toLowerCase());
    return texts.get(talk);
  };
  function sift() {
    const asked = sieve.elements.text.value.trim().toLowerCase();
    let count = 0;
    for (const talk of talks) {
      const fits =
        (!sieve.elements.faulty.checked || talk.classList.contains("faulty")) &&
        (!asked || textOf(talk).includes(asked));
      talk.hidden = !fits;
      count += fits;
    }
    said.textContent = said.dataset.shown.replace("{0}", count).replace("{1}", talks.length);
  }
  sieve.hidden = talks.length < 2;
  sieve.addEventListener("input", sift);
  sieve.addEventListener("submit", (event) => event.preventDefault());
  const opener = sieve.elements.open;
  const words = [opener.textContent, opener.dataset.close];
  let open = false;
  opener.addEventListener("click", () => {
    open = !open;
    for (const talk of talks) if (!talk.hidden) talk.open = open;
    opener.textContent = words[Number(open)];
  });
  sift();
  if (talks.length === 1) talks[0].open = true;
  reveal(aimed());
})();
