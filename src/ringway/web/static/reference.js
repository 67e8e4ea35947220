// What a page does beyond its HTML: theme, search as you type, pickers. Every page works without.
//
// The search is the twin of ringway/reference/search.py: the same tokens, the weights from there.
// The data comes as scripts, not by fetch, so that it also works from a folder on disk.
"use strict";
(() => {
  const root = document.documentElement;
  const own = new URL(document.currentScript.src);
  const language = root.dataset.language;

  // Theme: the system's, unless somebody chose here. Before the first paint, so in the head.

  const kept = (value) => {
    try {
      if (value) localStorage.setItem("ringway-theme", value);
      return localStorage.getItem("ringway-theme");
    } catch {
      return null; // storage is switched off; the choice holds for this page
    }
  };
  const chosen = kept();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  function themeButton(button) {
    const dark = () =>
      (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches && "dark")) === "dark";
    const tell = () => button.setAttribute("aria-pressed", String(dark()));
    button.hidden = false;
    tell();
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      kept(root.dataset.theme);
      tell();
    });
  }

  // Search

  let data = null;
  function load() {
    const script = (name) =>
      new Promise((done, failed) => {
        const element = document.createElement("script");
        element.src = new URL(`${name}${own.search}`, own).href;
        element.onload = done;
        element.onerror = failed;
        document.head.append(element);
      });
    data ??= Promise.all([script("search-index.js"), script(`codes-${language}.js`)]).then(() => ({
      index: window.ringwayIndex,
      stop: new Set(window.ringwayIndex.stop),
      codes: new Map(window.ringwayCodes.map((each) => [each[0], each])),
    }));
    return data;
  }

  const PIECE = /[a-z0-9]+(?:[-.'][a-z0-9]+)*|[\u4e00-\u9fff]+/g;
  const ENDINGS = [["ings", 4], ["ing", 4], ["edly", 4], ["ies", 3], ["ed", 3], ["es", 4]];

  function stem(word) {
    if (!/^[a-z]+$/.test(word)) return word;
    for (const [ending, least] of ENDINGS) {
      if (!word.endsWith(ending) || word.length - ending.length < least) continue;
      const cut = word.slice(0, -ending.length);
      if (ending === "ies") return `${cut}y`;
      const last = cut.at(-1);
      return last === cut.at(-2) && !"ls".includes(last) ? cut.slice(0, -1) : cut;
    }
    if (word.endsWith("s") && !word.endsWith("ss") && word.length > 3) word = word.slice(0, -1);
    return word.endsWith("e") && word.length > 4 ? word.slice(0, -1) : word;
  }

  function tokens(text, { index, stop }) {
    const found = new Set();
    for (const piece of text.toLowerCase().match(PIECE) || []) {
      if (piece[0] >= "\u4e00" && piece[0] <= "\u9fff") {
        for (let at = 0; at < Math.max(1, piece.length - 1); at++) found.add(piece.slice(at, at + 2));
        continue;
      }
      const parts = /[-.']/.test(piece) ? [piece, ...piece.split(/[-.']/)] : [piece];
      for (const part of parts) {
        if (Object.hasOwn(index.synonyms, part)) found.add(index.synonyms[part]);
        else if (part && !stop.has(part)) found.add(stem(part));
      }
    }
    return found;
  }

  function search(query, known, limit) {
    const scores = new Map();
    for (const token of tokens(Array.from(query).slice(0, 200).join(""), known)) {
      if (!Object.hasOwn(known.index.tokens, token)) continue;
      for (const [place, weight] of known.index.tokens[token]) {
        const code = known.index.codes[place];
        scores.set(code, (scores.get(code) || 0) + weight);
      }
    }
    return [...scores]
      .sort((one, two) => two[1] - one[1] || one[0] - two[0])
      .slice(0, limit)
      .map(([code]) => known.codes.get(code));
  }

  function row([status, phrase, term, brief]) {
    const link = document.createElement("a");
    link.className = `row c${Math.floor(status / 100)}`;
    link.href = `${status}.html`;
    const add = (parent, name, text) => {
      const element = document.createElement(name);
      element.textContent = text;
      parent.append(element);
      return element;
    };
    add(link, "b", status);
    const words = add(link, "span", "");
    const title = add(words, "strong", term);
    if (phrase !== term) {
      title.append(" ");
      add(title, "i", phrase).lang = "en";
    }
    words.append(" ");
    add(words, "span", brief);
    return link;
  }

  function searchBox(form) {
    const input = form.querySelector("input");
    const list = form.querySelector(".hits");
    const said = form.querySelector("[role=status]");
    let active = -1;
    let asked = 0;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-expanded", "false");

    const options = () => [...list.children];
    function close() {
      list.hidden = true;
      active = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    function choose(at) {
      const all = options();
      active = (at + all.length) % all.length;
      all.forEach((each, place) => each.setAttribute("aria-selected", String(place === active)));
      all[active].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", all[active].id);
    }
    async function look() {
      const query = input.value.trim();
      const mine = ++asked;
      if (!query) {
        said.textContent = "";
        close();
        return;
      }
      const known = await load();
      if (mine !== asked) return;
      const found = search(query, known, 8);
      list.replaceChildren(
        ...found.map((each, at) => {
          const option = row(each);
          option.id = `hit-${at}`;
          option.tabIndex = -1;
          option.setAttribute("role", "option");
          option.setAttribute("aria-selected", "false");
          return option;
        }),
      );
      close();
      list.hidden = !found.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
      said.textContent = found.length
        ? found.length === 1 ? form.dataset.one : form.dataset.many.replace("{0}", found.length)
        : form.dataset.none.replace("{0}", query);
    }
    input.addEventListener("focus", load, { once: true });
    input.addEventListener("input", look);
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return; // an input method is choosing characters
      if (event.key === "Escape") {
        if (list.hidden) input.blur();
        else close();
        event.preventDefault();
      } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && options().length) {
        list.hidden = false;
        input.setAttribute("aria-expanded", "true");
        choose(event.key === "ArrowDown" ? active + 1 : Math.max(active, 0) - 1);
        event.preventDefault();
      } else if (event.key === "Enter" && active >= 0) {
        event.preventDefault();
        options()[active].click();
      }
    });
    form.addEventListener("focusout", (event) => {
      if (!form.contains(event.relatedTarget)) close();
    });
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    document.addEventListener("keydown", (event) => {
      const busy = event.target.closest("input, select, textarea, [contenteditable]");
      if (event.key !== "/" || busy || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.focus();
      input.select();
    });
  }

  // The page of results, where no server has filled it.

  async function resultPage(list, form) {
    const query = (new URLSearchParams(location.search).get("q") || "").trim();
    if (!query || list.childElementCount) return;
    form.querySelector("input").value = query;
    const found = search(query, await load(), 20);
    const says = document.getElementById("result-says");
    says.textContent = (found.length ? says.dataset.found : form.dataset.none).replace("{0}", query);
    document.querySelector(".ask-for")?.remove();
    list.replaceChildren(
      ...found.map((each) => {
        const item = document.createElement("li");
        item.append(row(each));
        return item;
      }),
    );
  }

  // Two codes to a page, and the same page in the other language.

  function comparison(values) {
    const [first, second] = [values.get("first"), values.get("second")];
    if (!/^\d{3}$/.test(first || "") || !/^\d{3}$/.test(second || "")) return null;
    return first === second ? `${first}.html` : `${first}-vs-${second}.html`;
  }

  function picker(form) {
    form.addEventListener("submit", (event) => {
      const page = comparison(new FormData(form));
      if (!page) return;
      event.preventDefault();
      location.href = page;
    });
  }

  function languageLink(link) {
    const page = link.getAttribute("href");
    const point = () => {
      link.href = page + location.search + location.hash;
    };
    point();
    addEventListener("hashchange", point);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("form.search");
    themeButton(document.querySelector("button.theme"));
    searchBox(form);
    languageLink(document.querySelector("a.language"));
    document.querySelectorAll("form.picker").forEach(picker);
    const results = document.getElementById("results");
    if (results) resultPage(results, form);
    if (location.pathname.endsWith("/compare.html")) {
      const page = comparison(new URLSearchParams(location.search));
      if (page) location.replace(page);
    }
  });

  window.ringwaySearch = async (query, limit) => search(query, await load(), limit).map(([status]) => status);
})();
